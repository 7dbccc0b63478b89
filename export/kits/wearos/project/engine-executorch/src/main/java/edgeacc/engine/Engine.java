package edgeacc.engine;

import android.content.Context;
import edgeacc.core.Encoder;
import edgeacc.core.WristProblem;

/** The encoder of this kit. */
public final class Engine {
    private Engine() {}

    /**
     * @throws WristProblem as {@link ExecuTorchEncoder}
     */
    public static Encoder open(Context context) throws WristProblem {
        return new ExecuTorchEncoder(context);
    }
}
