package edgeacc.app;

import android.Manifest;
import android.app.Activity;
import android.os.Build;
import android.os.Bundle;
import android.widget.Button;
import android.widget.LinearLayout;
import android.widget.ScrollView;
import android.widget.TextView;
import edgeacc.capture.CaptureService;
import edgeacc.core.Frame;
import java.util.Locale;

/** The self-test's verdict on this watch, how long a window takes, and what is embedded. No medical device. */
public final class MainActivity extends Activity {
    private Session session;
    private TextView told;
    private Button wristButton;
    private Button crownButton;
    private Frame.Side wrist;
    private Frame.Side crown;

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        session = Session.of(this);
        LinearLayout column = new LinearLayout(this);
        column.setOrientation(LinearLayout.VERTICAL);
        column.setPadding(24, 48, 24, 48);
        wristButton = button(column, "Worn on: ?", () -> wrist = flip(wristButton, "Worn on: ", wrist));
        crownButton = button(column, "Crown: ?", () -> crown = flip(crownButton, "Crown: ", crown));
        button(column, "Start", () -> requestPermissions(permissions(), 0));
        button(column, "Stop", () -> CaptureService.stop(this));
        told = new TextView(this);
        column.addView(told);
        ScrollView scrolled = new ScrollView(this);
        scrolled.addView(column);
        setContentView(scrolled);
    }

    @Override
    protected void onStart() {
        super.onStart();
        session.watch(() -> runOnUiThread(this::show));
        show();
    }

    @Override
    protected void onStop() {
        session.watch(() -> {});
        super.onStop();
    }

    @Override
    public void onRequestPermissionsResult(int code, String[] names, int[] answers) {
        session.start(this, wrist, crown);
    }

    private static String[] permissions() {
        return Build.VERSION.SDK_INT >= 33
                ? new String[] {Manifest.permission.ACTIVITY_RECOGNITION, Manifest.permission.POST_NOTIFICATIONS}
                : new String[] {Manifest.permission.ACTIVITY_RECOGNITION};
    }

    private void show() {
        told.setText(session.text());
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
}
