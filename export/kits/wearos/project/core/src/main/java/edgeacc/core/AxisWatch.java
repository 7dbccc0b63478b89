package edgeacc.core;

/** What makes a window unusable, of one axis at the sensor's rate: samples at the end of the range, runs of one value. */
final class AxisWatch {
    private static final int MOST_SATURATED = 3;
    private static final float NO_VALUE = 2e6f; // beyond what is taken

    private final float limit;
    private final int sourceSamples;
    private final long[] saturatedAt = new long[MOST_SATURATED + 1]; // the last ones, in a circle
    private long saturated;
    private long runStart;
    private long longStart;
    private long longEnd;
    private boolean hasLong;
    private float last;

    AxisWatch(SignalConfig config) {
        float rangeG = Math.min(config.rangeG(), config.tables().rangeG);
        limit = rangeG * (1 - 1e-6f) / config.unitG();
        sourceSamples = config.tables().sourceSamples;
    }

    void clear() {
        saturated = 0;
        runStart = 0;
        hasLong = false;
    }

    void watch(long seen, float x, boolean filled) {
        if (!filled && Math.abs(x) >= limit) {
            saturatedAt[(int) (saturated % saturatedAt.length)] = seen;
            saturated++;
        }
        if (seen == 0 || filled || x != last) {
            runStart = seen;
        } else if (2 * (seen - runStart) > sourceSamples) {
            hasLong = true;
            longStart = runStart;
            longEnd = seen;
        }
        last = filled ? NO_VALUE : x;
    }

    boolean isSaturated(long firstSlot) {
        return saturated > MOST_SATURATED && saturatedAt[(int) (saturated % saturatedAt.length)] >= firstSlot;
    }

    boolean isFrozen(long firstSlot) {
        long start = Math.max(longStart, firstSlot);
        return hasLong && longEnd > start && 2 * (longEnd - start) > sourceSamples;
    }
}
