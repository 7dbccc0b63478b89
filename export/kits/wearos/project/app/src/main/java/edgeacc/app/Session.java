package edgeacc.app;

import android.content.Context;
import edgeacc.capture.CaptureService;
import edgeacc.core.Encoder;
import edgeacc.core.Frame;
import edgeacc.core.Probe;
import edgeacc.core.SelfTest;
import edgeacc.core.Verdict;
import edgeacc.core.WristProblem;
import edgeacc.engine.Engine;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;

/** What outlives a screen: the encoder, and the latest lines of what happened. One per process. */
final class Session implements CaptureService.Sink {
    private static final Session ONE = new Session();
    private static final int MOST_LINES = 200;
    private static final int TIMES = 20;

    private final Probe probe = Probe.read();
    private final Deque<String> lines = new ArrayDeque<>();
    private Runnable changed = () -> {};
    private Encoder encoder;
    private boolean begun;

    private Session() {}

    /** The one; the first call opens and tests the encoder, on a thread of its own. */
    static synchronized Session of(Context context) {
        if (!ONE.begun) {
            ONE.begun = true;
            new Thread(() -> ONE.test(context.getApplicationContext()), "self-test").start();
        }
        return ONE;
    }

    /** Who is told, on any thread, that there are new lines. */
    synchronized void watch(Runnable screen) {
        changed = screen;
    }

    synchronized String text() {
        return String.join("\n", lines);
    }

    void start(Context context, Frame.Side wrist, Frame.Side crown) {
        Encoder tested = encoder();
        if (tested == null) {
            say("no encoder has passed the self-test");
            return;
        }
        try {
            CaptureService.start(context, wrist, crown, tested, this);
        } catch (WristProblem problem) {
            problem(problem);
        }
    }

    @Override
    public void embedding(long endNs, float[] embedding) {
        String bpm = probe == null ? "" : String.format(Locale.ROOT, " %.1f bpm", probe.heartRateBpm(embedding));
        say(endNs / 1_000_000_000 + " s:" + bpm + " embedded");
    }

    @Override
    public void unusable(long endNs, Verdict verdict) {
        say(endNs / 1_000_000_000 + " s: " + verdict);
    }

    @Override
    public void problem(WristProblem problem) {
        say(problem.getMessage());
    }

    @Override
    public void clock(long sensorNs, long wallMs) {
        say("clock: " + sensorNs + " ns is " + wallMs + " ms");
    }

    private void test(Context context) {
        try {
            Encoder opened = Engine.open(context);
            SelfTest found = SelfTest.of(opened);
            say(opened.name() + ": " + found);
            say(String.format(Locale.ROOT, "%.1f ms a window, filters included", SelfTest.milliseconds(opened, TIMES)));
            if (found.passed()) {
                keep(opened);
            }
        } catch (WristProblem problem) {
            problem(problem);
        }
    }

    private synchronized void keep(Encoder tested) {
        encoder = tested;
    }

    private synchronized Encoder encoder() {
        return encoder;
    }

    private synchronized void say(String line) {
        lines.addLast(line);
        if (lines.size() > MOST_LINES) {
            lines.removeFirst();
        }
        changed.run();
    }
}
