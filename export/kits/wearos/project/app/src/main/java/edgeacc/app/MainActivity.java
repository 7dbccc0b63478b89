package edgeacc.app;

import android.Manifest;
import android.app.Activity;
import android.content.pm.PackageManager;
import android.os.Build;
import android.os.Bundle;
import android.widget.Button;
import android.widget.LinearLayout;
import android.widget.ScrollView;
import android.widget.TextView;
import edgeacc.capture.CaptureService;
import edgeacc.core.Encoder;
import edgeacc.core.Frame;
import edgeacc.core.Probe;
import edgeacc.core.SelfTest;
import edgeacc.core.Verdict;
import edgeacc.core.WristProblem;
import edgeacc.engine.Engine;
import java.util.Locale;

/** The self-test's verdict on this watch, how long a window takes, and what is embedded. No medical device. */
public final class MainActivity extends Activity implements CaptureService.Sink {
    private static final int TIMES = 20;

    private final Probe probe = Probe.read();
    private TextView told;
    private Button wristButton;
    private Button crownButton;
    private Encoder encoder;
    private Frame.Side wrist;
    private Frame.Side crown;

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        LinearLayout column = new LinearLayout(this);
        column.setOrientation(LinearLayout.VERTICAL);
        column.setPadding(24, 48, 24, 48);
        wristButton = button(column, "Worn on: ?", () -> wrist = flip(wristButton, "Worn on: ", wrist));
        crownButton = button(column, "Crown: ?", () -> crown = flip(crownButton, "Crown: ", crown));
        button(column, "Start", this::start);
        button(column, "Stop", () -> CaptureService.stop(this));
        told = new TextView(this);
        column.addView(told);
        ScrollView scrolled = new ScrollView(this);
        scrolled.addView(column);
        setContentView(scrolled);
        new Thread(this::test, "self-test").start();
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

    private void test() {
        try {
            Encoder opened = Engine.open(this);
            SelfTest found = SelfTest.of(opened);
            say(opened.name() + ": " + found);
            say(String.format(Locale.ROOT, "%.1f ms a window, filters included", SelfTest.milliseconds(opened, TIMES)));
            runOnUiThread(() -> encoder = opened);
        } catch (WristProblem problem) {
            problem(problem);
        }
    }

    private void start() {
        if (encoder == null) {
            say("the self-test has not ended");
            return;
        }
        requestPermissions(permissions(), 0);
    }

    private static String[] permissions() {
        return Build.VERSION.SDK_INT >= 33
                ? new String[] {Manifest.permission.ACTIVITY_RECOGNITION, Manifest.permission.POST_NOTIFICATIONS}
                : new String[] {Manifest.permission.ACTIVITY_RECOGNITION};
    }

    @Override
    public void onRequestPermissionsResult(int code, String[] names, int[] answers) {
        if (checkSelfPermission(Manifest.permission.ACTIVITY_RECOGNITION) != PackageManager.PERMISSION_GRANTED) {
            say("not started: a service of type health needs the permission for physical activity");
            return;
        }
        try {
            CaptureService.start(this, wrist, crown, encoder, this);
        } catch (WristProblem problem) {
            problem(problem);
        }
    }

    private Button button(LinearLayout column, String text, Runnable action) {
        Button made = new Button(this);
        made.setText(text);
        made.setOnClickListener(clicked -> action.run());
        column.addView(made);
        return made;
    }

    private static Frame.Side flip(Button shown, String what, Frame.Side side) {
        Frame.Side other = side == Frame.Side.LEFT ? Frame.Side.RIGHT : Frame.Side.LEFT;
        shown.setText(what + other.name().toLowerCase(Locale.ROOT));
        return other;
    }

    private void say(String line) {
        runOnUiThread(() -> told.append(line + "\n"));
    }
}
