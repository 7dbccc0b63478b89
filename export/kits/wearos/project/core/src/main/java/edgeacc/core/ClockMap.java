package edgeacc.core;

/**
 * The sensor's clock on the wall's: an offset fixed at the first sample, and anew when one of the clocks was set. Logs keep
 * both, and tell every change.
 */
public final class ClockMap {
    private static final long SET_MS = 2000; // later than a batch comes late, sooner than a clock is set (our choice)

    private boolean known;
    private long offsetMs;

    /**
     * Once per batch of samples: the batch's latest sample and the wall's clock at its arrival.
     *
     * @return whether the offset is new
     */
    public boolean see(long sensorNs, long wallMs) {
        long seenMs = wallMs - sensorNs / 1_000_000;
        boolean moved = !known || Math.abs(seenMs - offsetMs) > SET_MS;
        if (moved) {
            offsetMs = seenMs;
            known = true;
        }
        return moved;
    }

    /** Milliseconds since 1970 of a sample. */
    public long wallMs(long sensorNs) {
        return sensorNs / 1_000_000 + offsetMs;
    }
}
