package edgeacc.core;

/** What may be done with a window. */
public enum Verdict {
    USE,
    /** More than 3 samples of an axis at the end of the range. */
    SATURATED,
    /** An axis holds one value for more than half of the window. */
    FROZEN,
    MOTION,
    /** Less than a worn wrist's motion. */
    OFF_WRIST,
    NOT_DUE
}
