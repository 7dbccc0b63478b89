package edgeacc.core;

/** What went wrong between the sensor and an embedding; the app is told each, and no embedding comes of it. */
public final class WristProblem extends Exception {
    private static final long serialVersionUID = 1;

    /** Which. */
    public enum Kind {
        /** No sample for {@link WristStream#SILENT_S} seconds. */
        SENSOR_STOPPED,
        /** A sample's time is before the last one's. */
        TIME_BACKWARDS,
        /** A gap too long to fill: the window begins anew. */
        GAP,
        /** More than 5 % off the rate that was stated: the window begins anew. */
        RATE_OFF,
        /** A sample without a number: filled if the gap is short, else a gap. */
        NOT_A_NUMBER,
        /** A rate that no table of the kit serves. */
        RATE_UNSUPPORTED,
        /** The watch has no accelerometer. */
        NO_SENSOR,
        /** Wrist or crown is not stated. */
        NO_FRAME,
        /** The encoder's file is missing or damaged. */
        NO_MODEL,
        /** The encoder gave something that is no embedding. */
        ENCODER_FAILED,
        /** The golden window does not come out as in training. */
        SELF_TEST_FAILED
    }

    private final Kind kind;

    /**
     * @param kind which
     * @param what for a log: the value, and what would be valid
     */
    public WristProblem(Kind kind, String what) {
        super(kind + ": " + what);
        this.kind = kind;
    }

    /** Which. */
    public Kind kind() {
        return kind;
    }
}
