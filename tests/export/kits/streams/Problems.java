import edgeacc.core.ClockMap;
import edgeacc.core.Encoder;
import edgeacc.core.Frame;
import edgeacc.core.RateFinder;
import edgeacc.core.SignalConfig;
import edgeacc.core.Tables;
import edgeacc.core.Verdict;
import edgeacc.core.WristProblem;
import edgeacc.core.WristStream;
import edgeacc.engine.CEncoder;
import java.io.DataInputStream;
import java.util.Arrays;
import java.util.Random;

/** Everything that can go wrong between a sensor and an embedding; prints the kind of each problem. */
public final class Problems {
    private static final long SLOT_NS = 15_625_000;
    private static int embeddings;

    interface Action {
        void run() throws Exception;
    }

    public static void main(String[] words) throws Exception {
        say(CEncoder::new); // without the library
        say(() -> Frame.ofWatch(Frame.Platform.ANDROID, null, Frame.Side.RIGHT));
        say(() -> Tables.at(63));
        float[] wrong = golden();
        Arrays.fill(wrong, 1e6f);
        say(() -> stream(wrong));
        disorder();
        rate();
        encoderFails();
        System.out.println("embeddings:" + embeddings);
        WristStream right = stream(golden());
        feed(right, 0, 3840, 1);
        System.out.println("embeddings:" + embeddings);
        System.out.println("nearest:" + Tables.nearest(51.4).sourceHz());
        System.out.println("measured:" + measured());
        ClockMap clock = new ClockMap();
        clock.see(500_000_000, 1_000_000);
        clock.see(1_400_000_000, 1_001_500); // 0.6 s late: the offset stays
        System.out.println("wall:" + clock.wallMs(1_000_000_000));
    }

    private static void disorder() throws Exception {
        WristStream stream = stream(golden());
        feed(stream, 0, 100, 1);
        stream.push(100 * SLOT_NS, Float.NaN, 0, 0);
        stream.push(101 * SLOT_NS, 0, 0, 1);
        stream.push(101 * SLOT_NS, 0, 0, 1); // the same once more is no problem
        stream.push(100 * SLOT_NS, 0, 0, 1);
        stream.push(20 * SLOT_NS, 0, 0, 1);
        stream.push(60 * SLOT_NS, 0, 0, 1);
        stream.checkSilence(60 * SLOT_NS + 1_900_000_000L);
        stream.checkSilence(60 * SLOT_NS + 2_000_000_000L);
        stream.checkSilence(60 * SLOT_NS + 3_000_000_000L); // told once
    }

    /** 100 Hz, of a clock that is set back by an hour meanwhile. */
    private static double measured() {
        RateFinder finder = new RateFinder();
        double rateHz = 0;
        for (long at = 0; at < 500 && rateHz == 0; at++) {
            rateHz = finder.push((at < 150 ? 3_600_000_000_000L : 0) + at * 10_000_000L);
        }
        return rateHz;
    }

    private static void rate() throws Exception {
        feed(stream(golden()), 0, 1400, 1.1);
    }

    /** The golden window passes, the next one comes out without a number. */
    private static void encoderFails() throws Exception {
        float[] embedding = golden();
        WristStream stream = stream(embedding);
        Arrays.fill(embedding, Float.NaN);
        feed(stream, 0, 3840, 1);
    }

    private static void feed(WristStream stream, int from, int count, double stretch) {
        Random random = new Random(0);
        for (int at = from; at < from + count; at++) {
            float noise = 0.004f * (float) random.nextGaussian();
            stream.push((long) (at * SLOT_NS * stretch), noise, -noise, 1 + noise);
        }
    }

    private static WristStream stream(float[] embedding) throws WristProblem {
        Encoder encoder =
                new Encoder() {
                    @Override
                    public String name() {
                        return "constant";
                    }

                    @Override
                    public float[] embed(float[][] scores) {
                        return embedding;
                    }

                    @Override
                    public void close() {}
                };
        WristStream.Listener listener =
                new WristStream.Listener() {
                    @Override
                    public void embedding(long endNs, float[] values) {
                        embeddings++;
                    }

                    @Override
                    public void unusable(long endNs, Verdict verdict) {
                        System.out.println("unusable:" + verdict);
                    }

                    @Override
                    public void problem(WristProblem problem) {
                        System.out.println(problem.kind());
                    }
                };
        return new WristStream(new SignalConfig(Tables.at(64), Frame.SAME, 1, 8, 10), encoder, listener);
    }

    /** The golden embedding, at the end of golden.bin. */
    private static float[] golden() throws Exception {
        try (DataInputStream in = new DataInputStream(Problems.class.getResourceAsStream("/edgeacc/golden.bin"))) {
            in.skipBytes(12);
            int samples = in.readInt();
            float[] embedding = new float[in.readInt()];
            in.skipBytes(24 * samples);
            for (int at = 0; at < embedding.length; at++) {
                embedding[at] = in.readFloat();
            }
            return embedding;
        }
    }

    private static void say(Action action) throws Exception {
        try {
            action.run();
        } catch (WristProblem problem) {
            System.out.println(problem.kind());
        }
    }
}
