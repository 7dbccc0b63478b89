import edgeacc.core.Encoder;
import edgeacc.core.SelfTest;
import edgeacc.engine.CEncoder;
import java.io.DataInputStream;
import java.io.DataOutputStream;

/** Prepared windows (3, 3840) of big-endian floats in, embeddings out; the self-test's verdict on standard error. */
public final class Embed {
    public static void main(String[] words) throws Exception {
        DataInputStream in = new DataInputStream(System.in);
        DataOutputStream out = new DataOutputStream(System.out);
        try (Encoder encoder = new CEncoder()) {
            System.err.println(SelfTest.of(encoder));
            System.err.println(SelfTest.milliseconds(encoder, 20) + " ms a window");
            while (true) {
                float[][] scores = new float[3][3840];
                for (float[] axis : scores) {
                    for (int at = 0; at < axis.length; at++) {
                        if (axis == scores[0] && at == 0 && in.available() == 0) {
                            out.flush();
                            return;
                        }
                        axis[at] = in.readFloat();
                    }
                }
                for (float value : encoder.embed(scores)) {
                    out.writeFloat(value);
                }
            }
        }
    }
}
