import edgeacc.core.Frame;
import edgeacc.core.Signal;
import edgeacc.core.SignalConfig;
import edgeacc.core.Tables;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A stream through the Java core: `Streams RATE_HZ STRIDE_S`; see stream.c for the bytes. */
public final class Streams {
    public static void main(String[] words) throws Exception {
        Tables tables = Tables.at(Double.parseDouble(words[0]));
        Signal signal = new Signal(new SignalConfig(tables, Frame.SAME, 1, 8, Float.parseFloat(words[1])));
        ByteBuffer in = ByteBuffer.wrap(System.in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
        try (OutputStream out = new BufferedOutputStream(System.out)) {
            while (in.hasRemaining()) {
                out.write(signal.push(in.getLong(), in.getFloat(), in.getFloat(), in.getFloat()).ordinal());
                if (signal.due()) {
                    out.write(100 + signal.verdict().ordinal());
                    window(signal, tables.samples(), out);
                }
            }
        }
    }

    private static void window(Signal signal, int samples, OutputStream out) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(4 + 12 * samples).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putFloat(signal.motionMg());
        for (float[] axis : signal.scores()) {
            bytes.asFloatBuffer().put(axis);
            bytes.position(bytes.position() + 4 * samples);
        }
        out.write(bytes.array());
    }
}
