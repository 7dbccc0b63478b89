package edgeacc.core;

/**
 * From samples to embeddings. What goes wrong is told to the listener, each time, as a {@link WristProblem}; an embedding
 * comes only of a whole, still, worn window. Not for several threads at once.
 */
public final class WristStream {
    /** Without a sample for so long, the sensor has stopped. */
    public static final int SILENT_S = 2;

    /** Who is told. */
    public interface Listener {
        /** A window's embedding; its end on the sensor's clock. */
        void embedding(long endNs, float[] embedding);

        /** A window that may not be used, and why. */
        void unusable(long endNs, Verdict verdict);

        /** What went wrong. */
        void problem(WristProblem problem);
    }

    private final Signal signal;
    private final Encoder encoder;
    private final Listener listener;
    private long lastNs = -1;
    private boolean silent;

    /**
     * @throws WristProblem SELF_TEST_FAILED, and as the encoder: nothing is embedded by code that is wrong on this watch
     */
    public WristStream(SignalConfig config, Encoder encoder, Listener listener) throws WristProblem {
        SelfTest tried = SelfTest.of(encoder);
        if (!tried.passed()) {
            throw new WristProblem(WristProblem.Kind.SELF_TEST_FAILED, tried.toString());
        }
        signal = new Signal(config);
        this.encoder = encoder;
        this.listener = listener;
    }

    /** One sample in the sensor's unit, its time in ns on the sensor's own clock (not that of its arrival). */
    public void push(long tNs, float x, float y, float z) {
        long beforeNs = lastNs;
        Taken taken = signal.push(tNs, x, y, z);
        if (taken != Taken.MISSING && taken != Taken.DUPLICATE) {
            lastNs = tNs;
            silent = false;
        }
        if (taken != Taken.TAKEN) {
            tell(taken, tNs, beforeNs);
        }
        if (signal.due()) {
            embed(tNs);
        }
    }

    /** Ask every second, with the present time of the sensor's clock. */
    public void checkSilence(long presentNs) {
        if (lastNs >= 0 && !silent && presentNs - lastNs >= SILENT_S * 1_000_000_000L) {
            silent = true;
            problem(WristProblem.Kind.SENSOR_STOPPED, "no sample since " + lastNs + " ns");
        }
    }

    private void tell(Taken taken, long tNs, long beforeNs) {
        String when = "at " + tNs + " ns, behind " + beforeNs + " ns";
        switch (taken) {
            case MISSING -> problem(WristProblem.Kind.NOT_A_NUMBER, when);
            case CLOCK -> problem(WristProblem.Kind.TIME_BACKWARDS, when);
            case GAP -> problem(WristProblem.Kind.GAP, when);
            case RATE -> problem(WristProblem.Kind.RATE_OFF, when);
            case DUPLICATE -> {
                if (tNs < beforeNs) { // the same sample twice is nobody's fault
                    problem(WristProblem.Kind.TIME_BACKWARDS, when);
                }
            }
            default -> { }
        }
    }

    private void embed(long endNs) {
        Verdict verdict = signal.verdict();
        if (verdict != Verdict.USE) {
            listener.unusable(endNs, verdict);
            return;
        }
        try {
            float[] embedding = encoder.embed(signal.scores());
            for (float value : embedding) {
                if (!Float.isFinite(value)) {
                    throw new WristProblem(WristProblem.Kind.ENCODER_FAILED, "its embedding holds " + value);
                }
            }
            listener.embedding(endNs, embedding);
        } catch (WristProblem problem) {
            listener.problem(problem);
        }
    }

    private void problem(WristProblem.Kind kind, String what) {
        listener.problem(new WristProblem(kind, what));
    }
}
