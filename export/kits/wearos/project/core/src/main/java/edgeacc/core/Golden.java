package edgeacc.core;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** One window whose result is known, of a simulated person who is in no store. */
final class Golden {
    final double rateHz;
    /** The embeddings' distance from their mean, root mean square over all golden windows. */
    final float spread;
    /** How near an embedding must be to the network's, in dB of that distance. */
    final float floorDb;
    final float[][] rawG;
    final float[][] scores;
    final float[] embedding;

    private Golden(DataInputStream in) throws IOException {
        rateHz = in.readInt() / 1000.0;
        spread = in.readFloat();
        floorDb = in.readFloat();
        int samples = in.readInt();
        int width = in.readInt();
        rawG = axes(in, samples);
        scores = axes(in, samples);
        embedding = Resources.floats(in, width);
    }

    static Golden read() {
        try (InputStream file = Resources.open("golden.bin");
                DataInputStream in = new DataInputStream(new BufferedInputStream(file))) {
            return new Golden(in);
        } catch (IOException damaged) {
            throw new UncheckedIOException("golden.bin is damaged", damaged);
        }
    }

    private static float[][] axes(DataInputStream in, int samples) throws IOException {
        return new float[][] {
            Resources.floats(in, samples), Resources.floats(in, samples), Resources.floats(in, samples)
        };
    }
}
