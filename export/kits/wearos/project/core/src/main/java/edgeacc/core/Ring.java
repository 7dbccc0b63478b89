package edgeacc.core;

/** The ring that holds one window, its motion, band-pass and standard scores: window.c in Java. */
final class Ring {
    private static final int CHUNK = 64;

    private final Tables tables;
    private final int stride;
    private final float unitG;
    private final float[][] x;
    private int head;
    private int untilDue;
    boolean due;

    Ring(SignalConfig config) {
        tables = config.tables();
        stride = config.stride();
        unitG = config.unitG();
        x = new float[3][tables.samples];
        clear();
    }

    void clear() {
        head = 0;
        untilDue = tables.samples;
        due = false;
    }

    /** A sample on the contract's grid, in raw units above the origin. */
    void add(float[] sample) {
        for (int axis = 0; axis < 3; axis++) {
            x[axis][head] = sample[axis];
        }
        head = head + 1 == tables.samples ? 0 : head + 1;
        if (--untilDue == 0) {
            untilDue = stride;
            due = true;
        }
    }

    /** Sample i of the window, reflected at the window's edges. */
    private float at(int axis, int i) {
        int fromStart = Math.abs(i);
        int inside = fromStart < tables.samples ? fromStart : 2 * (tables.samples - 1) - fromStart;
        int place = head + inside;
        return x[axis][place < tables.samples ? place : place - tables.samples];
    }

    float motionMg() {
        float power = 0;
        float[] chunk = new float[CHUNK];
        for (int axis = 0; axis < 3; axis++) {
            Moments all = new Moments();
            for (int start = 0; start < tables.samples; start += CHUNK) {
                int count = Math.min(CHUNK, tables.samples - start);
                for (int i = 0; i < count; i++) {
                    chunk[i] = at(axis, start + i);
                }
                all.takeIn(chunk, 0, count);
            }
            power += all.spread / tables.samples;
        }
        return 1000 * unitG * (float) Math.sqrt(power);
    }

    /** Standard scores of one axis. */
    float[] scores(int axis) {
        float[] z = new float[tables.samples];
        Moments all = new Moments();
        for (int start = 0; start < tables.samples; start += CHUNK) {
            int count = Math.min(CHUNK, tables.samples - start);
            bandPass(axis, start, count, z);
            all.takeIn(z, start, count);
        }
        float deviation = (float) Math.sqrt(all.spread / all.count);
        float by = Math.max(deviation, tables.floorG / unitG);
        for (int i = 0; i < z.length; i++) {
            z[i] = (z[i] - all.mean) / by;
        }
        return z;
    }

    /** The taps sum to zero, so any constant may be taken off first; it keeps the sums exact. */
    private void bandPass(int axis, int start, int count, float[] y) {
        int half = tables.band.length - 1;
        float[] held = new float[count + 2 * half];
        float level = at(axis, start + count / 2);
        for (int i = 0; i < held.length; i++) {
            held[i] = at(axis, start - half + i) - level;
        }
        for (int i = 0; i < count; i++) {
            float sum = tables.band[0] * held[i + half];
            for (int k = 1; k <= half; k++) {
                sum += tables.band[k] * (held[i + half + k] + held[i + half - k]);
            }
            y[start + i] = sum;
        }
    }

    /** Mean and sum of squares about it, chunk by chunk (Chan, Golub, LeVeque 1983, The American Statistician 37). */
    private static final class Moments {
        private float mean;
        private float spread;
        private int count;

        void takeIn(float[] x, int start, int length) {
            float sum = 0;
            for (int i = 0; i < length; i++) {
                sum += x[start + i] - x[start];
            }
            float own = x[start] + sum / length;
            float about = 0;
            for (int i = 0; i < length; i++) {
                about += (x[start + i] - own) * (x[start + i] - own);
            }
            float apart = own - mean;
            float share = (float) length / (count + length);
            spread += about + apart * apart * share * count;
            mean += apart * share;
            count += length;
        }
    }
}
