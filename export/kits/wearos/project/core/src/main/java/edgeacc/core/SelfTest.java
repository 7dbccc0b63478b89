package edgeacc.core;

import java.util.Locale;

/**
 * The golden window through signal code and encoder. Run when the app starts: an update of the system can change more than
 * it says.
 *
 * @param verdict USE
 * @param scoreDifference largest of the prepared window from training's; at most {@link #TOLERANCE}
 * @param snrDb how near the embedding is to the network's; NaN where no encoder was tried
 * @param floorDb the least that is right
 */
public record SelfTest(Verdict verdict, float scoreDifference, float snrDb, float floorDb) {
    /** Of standard scores. */
    public static final float TOLERANCE = 1e-5f;

    /** Of the signal code alone. */
    public static SelfTest ofSignals() {
        Golden golden = Golden.read();
        Signal signal = feed(golden);
        return new SelfTest(signal.verdict(), difference(signal, golden), Float.NaN, golden.floorDb);
    }

    /**
     * Of signal code and encoder.
     *
     * @throws WristProblem as the encoder
     */
    public static SelfTest of(Encoder encoder) throws WristProblem {
        Golden golden = Golden.read();
        Signal signal = feed(golden);
        float[] embedding = encoder.embed(signal.scores());
        return new SelfTest(signal.verdict(), difference(signal, golden), snrDb(embedding, golden), golden.floorDb);
    }

    /**
     * Mean time from a whole window to its embedding: filters, standard scores, network.
     *
     * @throws WristProblem as the encoder
     */
    public static double milliseconds(Encoder encoder, int times) throws WristProblem {
        Signal signal = feed(Golden.read());
        long startNs = System.nanoTime();
        for (int time = 0; time < times; time++) {
            encoder.embed(signal.scores());
        }
        return (System.nanoTime() - startNs) / 1e6 / times;
    }

    /** Whether the signal code, and the encoder if one was tried, are right. */
    public boolean passed() {
        boolean signals = verdict == Verdict.USE && scoreDifference <= TOLERANCE;
        return signals && (Float.isNaN(snrDb) || snrDb >= floorDb);
    }

    @Override
    public String toString() {
        String window = String.format(Locale.ROOT, "window %s, scores off by %.2g", verdict, scoreDifference);
        String encoder = String.format(Locale.ROOT, ", embedding %.1f dB (floor %.1f)", snrDb, floorDb);
        return "self-test " + (passed() ? "passed: " : "FAILED: ") + window + (Float.isNaN(snrDb) ? "" : encoder);
    }

    private static Signal feed(Golden golden) {
        try {
            Tables tables = Tables.at(golden.rateHz);
            Signal signal = new Signal(new SignalConfig(tables, Frame.SAME, 1, tables.rangeG, 1));
            for (int at = 0; at < tables.samples; at++) {
                long tNs = Resampler.slotNs(at, tables.sourceMhz);
                signal.push(tNs, golden.rawG[0][at], golden.rawG[1][at], golden.rawG[2][at]);
            }
            return signal;
        } catch (WristProblem noTables) {
            throw new IllegalStateException("golden.bin and tables.bin do not belong together", noTables);
        }
    }

    private static float difference(Signal signal, Golden golden) {
        float most = 0;
        float[][] scores = signal.scores();
        for (int axis = 0; axis < 3; axis++) {
            for (int at = 0; at < golden.scores[axis].length; at++) {
                most = Math.max(most, Math.abs(scores[axis][at] - golden.scores[axis][at])); // NaN stays
            }
        }
        return most;
    }

    private static float snrDb(float[] embedding, Golden golden) {
        if (embedding.length != golden.embedding.length) {
            return Float.NEGATIVE_INFINITY;
        }
        double power = 0;
        for (int at = 0; at < embedding.length; at++) {
            double apart = embedding[at] - golden.embedding[at];
            power += apart * apart;
        }
        double snrDb = 10 * Math.log10((double) golden.spread * golden.spread / power);
        return Double.isNaN(snrDb) ? Float.NEGATIVE_INFINITY : (float) snrDb;
    }
}
