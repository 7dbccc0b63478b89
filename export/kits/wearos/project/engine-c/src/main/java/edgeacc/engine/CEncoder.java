package edgeacc.engine;

import edgeacc.core.Encoder;
import edgeacc.core.WristProblem;
import java.util.Locale;

/** The int8 network in C: the same bytes out as on the microcontrollers and in edgeacc's own tests. */
public final class CEncoder implements Encoder {
    private long handle;

    /**
     * @throws WristProblem NO_MODEL where the library is not in the app for this watch's ABI, or its constants are damaged;
     *     SELF_TEST_FAILED where the C signal code or the network are wrong here, in a single bit
     */
    public CEncoder() throws WristProblem {
        try {
            System.loadLibrary("edgeacc");
        } catch (UnsatisfiedLinkError missing) {
            throw new WristProblem(WristProblem.Kind.NO_MODEL, missing.getMessage());
        }
        requireSelfTest(selfTest());
        handle = open();
        if (handle == 0) {
            throw new WristProblem(WristProblem.Kind.NO_MODEL, "the encoder's constants are damaged");
        }
    }

    @Override
    public String name() {
        return "C, int8";
    }

    @Override
    public synchronized float[] embed(float[][] scores) throws WristProblem {
        int samples = scores[0].length;
        float[] flat = new float[3 * samples];
        for (int axis = 0; axis < 3; axis++) {
            System.arraycopy(scores[axis], 0, flat, axis * samples, samples);
        }
        float[] embedding = handle == 0 ? null : run(handle, flat);
        if (embedding == null) {
            String what = handle == 0 ? "it is closed" : "a window of " + samples + " samples, or not all of them numbers";
            throw new WristProblem(WristProblem.Kind.ENCODER_FAILED, what);
        }
        return embedding;
    }

    @Override
    public synchronized void close() {
        if (handle != 0) {
            close(handle);
            handle = 0;
        }
    }

    private static void requireSelfTest(float[] found) throws WristProblem {
        if (found == null) {
            throw new WristProblem(WristProblem.Kind.ENCODER_FAILED, "no memory");
        }
        if (found[0] != 1) {
            String what = String.format(Locale.ROOT, "in C: scores off by %.2g, %.0f bytes wrong", found[1], found[2]);
            throw new WristProblem(WristProblem.Kind.SELF_TEST_FAILED, what);
        }
    }

    private static native float[] selfTest();

    private static native long open();

    private static native float[] run(long handle, float[] scores);

    private static native void close(long handle);
}
