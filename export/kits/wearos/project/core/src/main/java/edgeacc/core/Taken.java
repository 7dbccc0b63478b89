package edgeacc.core;

/** What a pushed sample did. */
public enum Taken {
    TAKEN,
    /** No number, or a time that is none: a missing sample, filled if the gap is short. */
    MISSING,
    /** Its time is that of the last sample or up to 1 s before: dropped. */
    DUPLICATE,
    /** Its time is more than 1 s before the last: all starts anew. */
    CLOCK,
    /** It comes behind a gap that is too long to fill: all starts anew. */
    GAP,
    /** The sensor is more than 5 % off its rate: all starts anew. */
    RATE
}
