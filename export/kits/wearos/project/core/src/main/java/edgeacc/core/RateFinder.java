package edgeacc.core;

/** What rate a sensor really has: watches give another than they are asked for. */
public final class RateFinder {
    private static final long ENOUGH_NS = 3_000_000_000L;

    private long firstNs = -1;
    private long lastNs;
    private int steps;

    /**
     * One sample's time on the sensor's clock; those that repeat or go back are left out.
     *
     * @return the rate in Hz after 3 s, 0 before
     */
    public double push(long tNs) {
        if (firstNs < 0) {
            firstNs = tNs;
            lastNs = tNs;
        } else if (tNs > lastNs) {
            lastNs = tNs;
            steps++;
        }
        long passedNs = lastNs - firstNs;
        return passedNs >= ENOUGH_NS ? steps * 1e9 / passedNs : 0;
    }
}
