package edgeacc.core;

/**
 * From the sensor's own, jittered times to the contract's grid by windowed sincs: resample.c in Java, where the method is
 * told.
 */
final class Resampler {
    private static final int SWEEPS = 4;
    private static final int SMALLEST_BLOCK = 32;
    private static final int SLACK = 2;
    private static final float EVEN_NS = 1000;
    private static final float LARGEST_DRIFT = 0.06f;

    private final Tables tables;
    private final Ring ring;
    private final int block;
    private final int margin;
    private final int capacity;
    private final long[] tNs;
    private final float[][] x;
    private final float[][] u;
    private final float[] off;
    private int count;
    private boolean started;
    private long nextNs;
    private long nextRest;
    private float startNs;
    private float driftNs;
    private float periodNs;
    private int whole;

    Resampler(Tables tables, Ring ring) {
        this.tables = tables;
        this.ring = ring;
        block = Math.max(SMALLEST_BLOCK, tables.sourceMhz / 4000);
        margin = tables.sincHalf + 2 * tables.evenHalf + SLACK;
        capacity = block + 2 * margin;
        tNs = new long[capacity];
        x = new float[3][capacity];
        u = new float[3][capacity];
        off = new float[capacity];
    }

    void clear() {
        count = 0;
        started = false;
    }

    /** How many samples it holds beside the ring's window. */
    int held() {
        return capacity;
    }

    /** A sample in its slot at the sensor's rate; false where the rate is not what the tables say. */
    boolean add(long sampleNs, float[] sample) {
        while (count == capacity) { // a due window stopped it
            give();
        }
        if (count == 0) {
            nextNs = sampleNs;
            nextRest = 0;
        }
        tNs[count] = sampleNs;
        for (int axis = 0; axis < 3; axis++) {
            x[axis][count] = sample[axis];
        }
        count++;
        return count < capacity || takeBlock();
    }

    /** Nanoseconds from the first of evenly spaced samples to number `place`. */
    static long slotNs(long place, int mhz) {
        return (place * 1_000_000_000_000L + mhz / 2) / mhz;
    }

    private boolean takeBlock() {
        float largestNs = LARGEST_DRIFT * 1e12f / tables.sourceMhz;
        for (int i = 0; i < capacity; i++) {
            off[i] = (float) (tNs[i] - tNs[0] - slotNs(i, tables.sourceMhz));
        }
        fit();
        if (driftNs > largestNs || driftNs < -largestNs) {
            return false;
        }
        for (int axis = 0; axis < 3; axis++) {
            System.arraycopy(x[axis], 0, u[axis], 0, capacity);
        }
        if (measureJitter() * periodNs > EVEN_NS) {
            undoJitter();
        }
        give();
        return true;
    }

    /** A straight line through the times, by least squares. */
    private void fit() {
        float middle = 0.5f * (capacity - 1);
        float sum = 0;
        float product = 0;
        float square = 0;
        for (int i = 0; i < capacity; i++) {
            float place = i - middle;
            sum += off[i];
            product += place * off[i];
            square += place * place;
        }
        driftNs = product / square;
        startNs = sum / capacity - driftNs * middle;
        periodNs = 1e12f / tables.sourceMhz + driftNs;
    }

    /** From lateness to jitter, in slots; the largest. */
    private float measureJitter() {
        float largest = 0;
        for (int i = 0; i < capacity; i++) {
            off[i] = (off[i] - startNs - driftNs * i) / periodNs;
            largest = Math.max(largest, Math.abs(off[i]));
        }
        return largest;
    }

    private void undoJitter() {
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            for (int k = 0; k < capacity; k++) {
                undoJitterAt(k);
            }
        }
    }

    private void undoJitterAt(int k) {
        int reach = tables.evenHalf + 1;
        int from = Math.max(0, k - reach);
        int to = Math.min(capacity - 1, k + reach);
        float movedX = 0;
        float movedY = 0;
        float movedZ = 0;
        for (int i = from; i <= to; i++) {
            float distance = k - i;
            float weight = even(distance) - even(distance + off[k]);
            movedX += weight * (u[0][i] - u[0][k]);
            movedY += weight * (u[1][i] - u[1][k]);
            movedZ += weight * (u[2][i] - u[2][k]);
        }
        u[0][k] = x[0][k] + movedX;
        u[1][k] = x[1][k] + movedY;
        u[2][k] = x[2][k] + movedZ;
    }

    /** The kernel between its entries. */
    private float even(float distance) {
        float place = Math.abs(distance) * tables.evenDensity;
        if (!(place < (float) (tables.evenHalf * tables.evenDensity))) {
            return 0;
        }
        int before = (int) place;
        float share = place - before;
        return tables.even[before] + share * (tables.even[before + 1] - tables.even[before]);
    }

    /** The block's values of the grid, up to one with which a window is due. */
    private void give() {
        for (;;) {
            float part = placeOfNext();
            if (whole >= margin + block) {
                forgetBlock();
                return;
            }
            step();
            if (started || whole >= margin) {
                started = true;
                emit(part);
                if (ring.due) {
                    return;
                }
            }
        }
    }

    /** Where the next value of the grid lies: after slot `whole`, by the answer's part of a slot. */
    private float placeOfNext() {
        long afterNs = nextNs - tNs[0];
        whole = afterNs <= 0 ? 0 : (int) (afterNs * tables.sourceMhz / 1_000_000_000_000L);
        float restNs = (float) (afterNs - slotNs(whole, tables.sourceMhz));
        float part = (restNs - startNs - driftNs * whole) / periodNs;
        for (; part < 0 && whole > 0; part += 1) {
            whole--;
        }
        for (; part >= 1; part -= 1) {
            whole++;
        }
        return part;
    }

    private void step() {
        nextNs += 1_000_000_000_000L / tables.rateMhz;
        nextRest += 1_000_000_000_000L % tables.rateMhz;
        if (nextRest >= tables.rateMhz) {
            nextRest -= tables.rateMhz;
            nextNs++;
        }
    }

    private void emit(float part) {
        float[] y = new float[3];
        addSide(whole, -1, part, y);
        addSide(whole + 1, 1, 1 - part, y);
        ring.add(y);
    }

    /** Adds the samples from i on, `by` (1 or -1) apart, the first `distance` slots away and each one slot further. */
    private void addSide(int i, int by, float distance, float[] y) {
        int end = tables.sincHalf * tables.sincDensity;
        float place = distance * tables.sincDensity;
        int entry = (int) place;
        float share = place - entry;
        for (; entry < end && i >= 0 && i < capacity; entry += tables.sincDensity, i += by) {
            float weight = tables.sinc[entry] + share * (tables.sinc[entry + 1] - tables.sinc[entry]);
            y[0] += weight * u[0][i];
            y[1] += weight * u[1][i];
            y[2] += weight * u[2][i];
        }
    }

    private void forgetBlock() {
        count = capacity - block;
        System.arraycopy(tNs, block, tNs, 0, count);
        for (int axis = 0; axis < 3; axis++) {
            System.arraycopy(x[axis], block, x[axis], 0, count);
        }
    }
}
