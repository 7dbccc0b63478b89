package edgeacc.core;

/** What rate a sensor really has: watches give another than they are asked for. */
public final class RateFinder {
    private static final long ENOUGH_NS = 3_000_000_000L;
    private static final long CLOCK_STEP_NS = 1_000_000_000; // as Signal's

    private long firstNs = -1;
    private long lastNs;
    private int steps;

    /**
     * One sample's time on the sensor's clock; those that repeat or go back are left out, and behind a
     * clock that was set back by more than 1 s all begins anew.
     *
     * @return the rate in Hz after 3 s, 0 before
     */
    public double push(long tNs) {
        if (firstNs < 0 || lastNs - tNs > CLOCK_STEP_NS) {
            firstNs = tNs;
            lastNs = tNs;
            steps = 0;
        } else if (tNs > lastNs) {
            lastNs = tNs;
            steps++;
        }
        long passedNs = lastNs - firstNs;
        return passedNs >= ENOUGH_NS ? steps * 1e9 / passedNs : 0;
    }
}
