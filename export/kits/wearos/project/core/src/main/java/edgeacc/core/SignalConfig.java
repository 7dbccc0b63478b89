package edgeacc.core;

/**
 * A sensor, and how often a window is wanted.
 *
 * @param tables of its rate
 * @param frame how it lies on the wrist
 * @param unitG g per unit of a sample; 1 / 9.80665 on Android
 * @param rangeG its own: at this a sample is saturated
 * @param strideS a window every so many seconds, from 1 s
 */
public record SignalConfig(Tables tables, Frame frame, float unitG, float rangeG, float strideS) {
    /** g per m/s2 (standard gravity). */
    public static final float ANDROID_UNIT_G = 1 / 9.80665f;

    /**
     * @throws IllegalArgumentException unit or range not above 0, or a stride below 1 s
     */
    public SignalConfig {
        if (tables == null || frame == null || !(unitG > 0) || !(rangeG > 0) || !(strideS >= 1) || strideS > 1e6f) {
            throw new IllegalArgumentException(
                    "not possible: tables and a frame, a unit and a range above 0 g, a stride from 1 s: unit " + unitG
                            + " g, range " + rangeG + " g, stride " + strideS + " s");
        }
    }

    int stride() {
        return Math.max(64, (int) (strideS * tables.rateMhz / 1000 + 0.5f));
    }
}
