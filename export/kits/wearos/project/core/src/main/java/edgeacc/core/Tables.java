package edgeacc.core;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** What of the contract and of a sensor's rate does not change; the names are those of edgeacc_tables in C. */
public final class Tables {
    private static final List<Tables> ALL = readAll();

    final int sourceMhz;
    final int rateMhz;
    final int samples;
    final int sourceSamples;
    final int longestGap;
    final float rangeG;
    final float lowMotionG;
    final float offWristG;
    final float floorG;
    final float[] band;
    final int sincHalf;
    final int sincDensity;
    final float[] sinc;
    final int evenHalf;
    final int evenDensity;
    final float[] even;

    private Tables(DataInputStream in) throws IOException {
        sourceMhz = in.readInt();
        rateMhz = in.readInt();
        samples = in.readInt();
        sourceSamples = in.readInt();
        longestGap = in.readInt();
        rangeG = in.readFloat();
        lowMotionG = in.readFloat();
        offWristG = in.readFloat();
        floorG = in.readFloat();
        band = Resources.floats(in, in.readInt());
        sincHalf = in.readInt();
        sincDensity = in.readInt();
        sinc = Resources.floats(in, in.readInt());
        evenHalf = in.readInt();
        evenDensity = in.readInt();
        even = Resources.floats(in, in.readInt());
    }

    /**
     * The tables of a sensor's rate, as it is said to be.
     *
     * @throws WristProblem RATE_UNSUPPORTED where the kit has none for it
     */
    public static Tables at(double rateHz) throws WristProblem {
        for (Tables tables : ALL) {
            if (tables.sourceMhz == rateHz * 1000) {
                return tables;
            }
        }
        throw unsupported(rateHz);
    }

    /**
     * The tables of the rate that is nearest to a measured one, within 5 %.
     *
     * @throws WristProblem RATE_UNSUPPORTED where none is so near
     */
    public static Tables nearest(double measuredHz) throws WristProblem {
        Tables best = null;
        for (Tables tables : ALL) {
            if (best == null || off(tables, measuredHz) < off(best, measuredHz)) {
                best = tables;
            }
        }
        if (best == null || !(off(best, measuredHz) <= 0.05)) {
            throw unsupported(measuredHz);
        }
        return best;
    }

    /** The sensor's rate, in Hz. */
    public double sourceHz() {
        return sourceMhz / 1000.0;
    }

    /** Samples of a window at the contract's rate. */
    public int samples() {
        return samples;
    }

    private static double off(Tables tables, double hz) {
        return Math.abs(Math.log(hz / tables.sourceHz()));
    }

    private static WristProblem unsupported(double hz) {
        String valid = ALL.stream().map(each -> String.valueOf(each.sourceHz())).collect(Collectors.joining(", "));
        return new WristProblem(WristProblem.Kind.RATE_UNSUPPORTED, "a rate of " + hz + " Hz; valid: " + valid);
    }

    private static List<Tables> readAll() {
        try (InputStream file = Resources.open("tables.bin");
                DataInputStream in = new DataInputStream(new BufferedInputStream(file))) {
            int count = in.readInt();
            List<Tables> all = new ArrayList<>();
            for (int each = 0; each < count; each++) {
                all.add(new Tables(in));
            }
            return List.copyOf(all);
        } catch (IOException damaged) {
            throw new UncheckedIOException("tables.bin is damaged", damaged);
        }
    }
}
