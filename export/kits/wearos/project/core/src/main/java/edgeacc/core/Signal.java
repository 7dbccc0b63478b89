package edgeacc.core;

import java.util.Arrays;

/**
 * The signal contract on a watch: samples of an accelerometer in, windows as the network was trained on out.
 *
 * <p>The arithmetic is that of the C core (signal.c, resample.c, window.c; the float form) and of edgeacc.signals in Python.
 * Whatever breaks the stream empties the window, so that no window ever holds samples from both sides of it. Not for several
 * threads at once.
 */
public final class Signal {
    private static final long CLOCK_STEP_NS = 1_000_000_000;
    private static final long FIRST_JITTER_NS = 1_000_000;
    private static final long MOST_LATE_NS = 10_000_000;
    private static final long LATEST_NS = 1L << 62;
    private static final int RATE_CHECK_S = 16;
    private static final int REMEMBERED = 32;

    private final SignalConfig config;
    private final Tables tables;
    private final Ring ring;
    private final Resampler resampler;
    private final AxisWatch[] axes = new AxisWatch[3];
    private final float[] origin = new float[3];
    private final float[] before = new float[3];
    private long lastNs;
    private long checkedNs;
    private long seen;
    private long received;
    private long jitterNs;
    private boolean hasLast;
    private boolean rateKnown;

    /** A stream of one sensor. */
    public Signal(SignalConfig config) {
        this.config = config;
        tables = config.tables();
        ring = new Ring(config);
        resampler = tables.sincHalf > 0 ? new Resampler(tables, ring) : null;
        for (int axis = 0; axis < 3; axis++) {
            axes[axis] = new AxisWatch(config);
        }
        beginAnew();
    }

    /** One sample, its time in ns on the sensor's own clock. */
    public Taken push(long tNs, float x, float y, float z) {
        float[] raw = {x, y, z};
        float[] turned = new float[3];
        ring.due = false;
        for (int i = 0; i < 3; i++) {
            turned[i] = config.frame().sign[i] * raw[config.frame().from[i]];
            if (!(turned[i] >= -1e6f && turned[i] <= 1e6f) || tNs < 0 || tNs >= LATEST_NS) {
                received += hasLast ? 1 : 0;
                return Taken.MISSING;
            }
        }
        return push(tNs, turned);
    }

    /** Whether a window became due with the last sample. */
    public boolean due() {
        return ring.due;
    }

    /** What may be done with the window that is due. */
    public Verdict verdict() {
        if (!ring.due) {
            return Verdict.NOT_DUE;
        }
        long held = tables.sourceSamples + (resampler == null ? 0 : resampler.held());
        long firstSlot = Math.max(0, seen - held);
        if (Arrays.stream(axes).anyMatch(axis -> axis.isSaturated(firstSlot))) {
            return Verdict.SATURATED;
        }
        if (Arrays.stream(axes).anyMatch(axis -> axis.isFrozen(firstSlot))) {
            return Verdict.FROZEN;
        }
        float movedMg = motionMg();
        if (movedMg >= 1000 * tables.lowMotionG) {
            return Verdict.MOTION;
        }
        return movedMg < 1000 * tables.offWristG ? Verdict.OFF_WRIST : Verdict.USE;
    }

    /** Of the window: the root of the axes' summed variances, in mg. */
    public float motionMg() {
        return ring.motionMg();
    }

    /** Standard scores of the window that is due, (3, T). */
    public float[][] scores() {
        return new float[][] {ring.scores(0), ring.scores(1), ring.scores(2)};
    }

    private void beginAnew() {
        ring.clear();
        if (resampler != null) {
            resampler.clear();
        }
        hasLast = false;
        seen = 0;
        received = 0;
        rateKnown = false;
        jitterNs = FIRST_JITTER_NS;
        for (AxisWatch axis : axes) {
            axis.clear();
        }
    }

    private Taken push(long tNs, float[] x) {
        if (!hasLast) {
            return first(tNs, x, Taken.TAKEN);
        }
        received++;
        if (tNs <= lastNs) {
            return lastNs - tNs <= CLOCK_STEP_NS ? Taken.DUPLICATE : first(tNs, x, Taken.CLOCK);
        }
        long missing = missingIn(tNs - lastNs);
        if (missing > tables.longestGap) {
            return first(tNs, x, Taken.GAP);
        }
        if (!fill(tNs, x, (int) missing) || !add(tNs, x, false) || !rateIsRight(tNs)) {
            return first(tNs, x, Taken.RATE);
        }
        keep(tNs, x);
        return Taken.TAKEN;
    }

    private Taken first(long tNs, float[] x, Taken why) {
        beginAnew();
        checkedNs = tNs;
        System.arraycopy(x, 0, origin, 0, 3);
        add(tNs, x, false);
        keep(tNs, x);
        return why;
    }

    private void keep(long tNs, float[] x) {
        lastNs = tNs;
        hasLast = true;
        System.arraycopy(x, 0, before, 0, 3);
    }

    /** False where the sensor's rate is wrong. */
    private boolean add(long tNs, float[] x, boolean filled) {
        float[] above = new float[3];
        for (int axis = 0; axis < 3; axis++) {
            axes[axis].watch(seen, x[axis], filled);
            above[axis] = x[axis] - origin[axis];
        }
        seen++;
        if (resampler != null) {
            return resampler.add(tNs, above);
        }
        ring.add(above);
        return true;
    }

    private boolean fill(long tNs, float[] x, int missing) {
        long fromNs = lastNs;
        float[] between = new float[3];
        for (int i = 1; i <= missing; i++) {
            float share = (float) i / (missing + 1);
            for (int axis = 0; axis < 3; axis++) {
                between[axis] = before[axis] + share * (x[axis] - before[axis]);
            }
            if (!add(fromNs + (tNs - fromNs) * i / (missing + 1), between, true)) {
                return false;
            }
        }
        return true;
    }

    /** Samples missing between two neighbours so far apart: one from 1.5 periods on, later where times jitter much. */
    private long missingIn(long apartNs) {
        long periodNs = Resampler.slotNs(1, tables.sourceMhz);
        long lateNs = Math.max(periodNs / 2, Math.min(6 * jitterNs, MOST_LATE_NS));
        long boundedNs = Math.min(Math.abs(apartNs - periodNs), MOST_LATE_NS);
        jitterNs = (jitterNs * (REMEMBERED - 1) + boundedNs) / REMEMBERED;
        return apartNs > periodNs + lateNs ? (apartNs + periodNs / 2) / periodNs - 1 : 0;
    }

    /** Whether as many samples came, repeated ones and those without a number too, as the sensor's rate says, to 5 %. */
    private boolean rateIsRight(long tNs) {
        long enough = (long) RATE_CHECK_S * tables.sourceMhz / 1000;
        long passedNs = tNs - checkedNs;
        boolean firstWindow = ring.due && !rateKnown;
        if (received < enough && passedNs < RATE_CHECK_S * 1_000_000_000L && !firstWindow) {
            return true;
        }
        long expected = passedNs / 1000 * tables.sourceMhz / 1_000_000; // thousandths
        long came = received * 1000;
        checkedNs = tNs;
        received = 0;
        rateKnown = true;
        return came * 100 >= expected * 95 && came * 100 <= expected * 105;
    }
}
