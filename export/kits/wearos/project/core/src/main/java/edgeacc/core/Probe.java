package edgeacc.core;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** The bundle's linear heart-rate probe. How wrong it is, card.md tells. */
public final class Probe {
    private final float[] mean;
    private final float[] std;
    private final float[] weight;
    private final float bias;

    private Probe(DataInputStream in) throws IOException {
        int width = in.readInt();
        mean = Resources.floats(in, width);
        std = Resources.floats(in, width);
        weight = Resources.floats(in, width);
        bias = in.readFloat();
    }

    /** The kit's probe, null where the bundle had none. */
    public static Probe read() {
        if (!Resources.has("probe.bin")) {
            return null;
        }
        try (InputStream file = Resources.open("probe.bin");
                DataInputStream in = new DataInputStream(new BufferedInputStream(file))) {
            return new Probe(in);
        } catch (IOException damaged) {
            throw new UncheckedIOException("probe.bin is damaged", damaged);
        }
    }

    /** Beats per minute. */
    public float heartRateBpm(float[] embedding) {
        float bpm = bias;
        for (int at = 0; at < mean.length; at++) {
            bpm += (embedding[at] - mean[at]) / std[at] * weight[at];
        }
        return bpm;
    }
}
