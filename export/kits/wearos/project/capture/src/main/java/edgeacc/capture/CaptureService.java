package edgeacc.capture;

import android.Manifest;
import android.app.Notification;
import android.app.NotificationChannel;
import android.app.NotificationManager;
import android.app.Service;
import android.content.Context;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.content.pm.ServiceInfo;
import android.hardware.Sensor;
import android.hardware.SensorEvent;
import android.hardware.SensorEventListener;
import android.hardware.SensorManager;
import android.os.Build;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.IBinder;
import android.os.PowerManager;
import android.os.SystemClock;
import edgeacc.core.ClockMap;
import edgeacc.core.Encoder;
import edgeacc.core.Frame;
import edgeacc.core.RateFinder;
import edgeacc.core.SignalConfig;
import edgeacc.core.Tables;
import edgeacc.core.WristProblem;
import edgeacc.core.WristStream;

/**
 * Reads the accelerometer while the app is out of sight, and embeds its windows. A background app gets no samples from
 * Android 9 on: hence a foreground service.
 *
 * <p>Watches give another rate than they are asked for, so that it is measured first; 3 s of samples go into that.
 */
public final class CaptureService extends Service implements SensorEventListener {
    /** Who is told of embeddings and problems; its calls come on the service's thread. */
    public interface Sink extends WristStream.Listener {
        /** The sensor's clock on the wall's, at the start and when one of them was set. */
        void clock(long sensorNs, long wallMs);
    }

    private static final int ASKED_PERIOD_US = 10_000;
    private static final int SHORTEST_PERIOD_US = 5_000; // 200 Hz: above, a permission and a review are needed
    private static final int LONGEST_DELAY_US = 1_000_000; // of a batch: below WristStream.SILENT_S
    private static final float STRIDE_S = 30;
    private static final int NOTIFICATION = 1;
    private static final String CHANNEL = "edgeacc";
    private static final String WRIST = "wrist";
    private static final String CROWN = "crown";

    private static volatile Sink sink;
    private static volatile Encoder encoder;

    private final ClockMap clock = new ClockMap();
    private HandlerThread thread;
    private Handler handler;
    private SensorManager sensors;
    private PowerManager.WakeLock awake;
    private Frame frame;
    private float rangeG;
    private RateFinder finder;
    private WristStream stream;
    private long latestNs; // of a sample, on the sensor's clock
    private long heardNs; // when it came, on the system's clock
    private boolean silent;

    /**
     * Start reading, or go on with another frame, encoder and sink; to be called while the app is in sight.
     *
     * @param wrist on which the watch is worn, as its wearer says
     * @param crown at which side of the case, as it lies on the wrist
     * @param to is held by the service: no Activity
     * @throws WristProblem NO_FRAME where one of them is not stated (null); NO_SENSOR where the wearer has not allowed physical
     *     activity, without which Android starts no service of type health
     */
    public static void start(Context context, Frame.Side wrist, Frame.Side crown, Encoder with, Sink to) throws WristProblem {
        Frame.ofWatch(Frame.Platform.ANDROID, wrist, crown);
        if (context.checkSelfPermission(Manifest.permission.ACTIVITY_RECOGNITION) != PackageManager.PERMISSION_GRANTED) {
            throw new WristProblem(WristProblem.Kind.NO_SENSOR, "the permission for physical activity is not given");
        }
        encoder = with;
        sink = to;
        Intent intent = new Intent(context, CaptureService.class);
        intent.putExtra(WRIST, wrist.name());
        intent.putExtra(CROWN, crown.name());
        context.startForegroundService(intent);
    }

    /** Stop reading. */
    public static void stop(Context context) {
        context.stopService(new Intent(context, CaptureService.class));
    }

    @Override
    public IBinder onBind(Intent intent) {
        return null;
    }

    @Override
    public int onStartCommand(Intent intent, int flags, int startId) {
        showNotification();
        if (intent == null || sink == null || encoder == null) { // the system restarted it without the app
            stopSelf();
            return START_NOT_STICKY;
        }
        try {
            Frame.Side wrist = Frame.Side.valueOf(intent.getStringExtra(WRIST));
            Frame.Side crown = Frame.Side.valueOf(intent.getStringExtra(CROWN));
            Frame worn = Frame.ofWatch(Frame.Platform.ANDROID, wrist, crown);
            boolean reads = thread != null;
            if (!reads) {
                thread = new HandlerThread("edgeacc");
                thread.start();
                handler = new Handler(thread.getLooper());
            }
            handler.post(() -> beginAnew(worn));
            if (!reads) {
                register();
                handler.postDelayed(this::checkSilence, 1000);
            }
        } catch (WristProblem problem) {
            sink.problem(problem);
            stopSelf();
        }
        return START_NOT_STICKY;
    }

    @Override
    public void onDestroy() {
        if (sensors != null) {
            sensors.unregisterListener(this);
        }
        if (thread != null) {
            thread.quitSafely();
        }
        if (awake != null && awake.isHeld()) {
            awake.release();
        }
    }

    @Override
    public void onSensorChanged(SensorEvent event) {
        latestNs = event.timestamp;
        heardNs = SystemClock.elapsedRealtimeNanos();
        silent = false;
        if (clock.see(event.timestamp, System.currentTimeMillis())) {
            sink.clock(event.timestamp, clock.wallMs(event.timestamp));
        }
        if (stream == null) {
            open(event.timestamp);
        } else {
            stream.push(event.timestamp, event.values[0], event.values[1], event.values[2]);
        }
    }

    @Override
    public void onAccuracyChanged(Sensor sensor, int accuracy) {}

    private void register() throws WristProblem {
        sensors = (SensorManager) getSystemService(Context.SENSOR_SERVICE);
        Sensor waking = sensors.getDefaultSensor(Sensor.TYPE_ACCELEROMETER, true);
        Sensor sensor = waking != null ? waking : sensors.getDefaultSensor(Sensor.TYPE_ACCELEROMETER);
        if (sensor == null) {
            throw new WristProblem(WristProblem.Kind.NO_SENSOR, "this watch has no accelerometer");
        }
        if (waking == null) { // without it the main processor sleeps through the samples
            PowerManager power = (PowerManager) getSystemService(Context.POWER_SERVICE);
            awake = power.newWakeLock(PowerManager.PARTIAL_WAKE_LOCK, "edgeacc:capture");
            awake.acquire();
        }
        rangeG = sensor.getMaximumRange() * SignalConfig.ANDROID_UNIT_G;
        int periodUs = Math.max(SHORTEST_PERIOD_US, Math.max(ASKED_PERIOD_US, sensor.getMinDelay()));
        if (!sensors.registerListener(this, sensor, periodUs, LONGEST_DELAY_US, handler)) {
            throw new WristProblem(WristProblem.Kind.NO_SENSOR, "the accelerometer cannot be read now");
        }
    }

    /** On the service's thread, as all that follows. */
    private void beginAnew(Frame worn) {
        frame = worn;
        stream = null;
        finder = new RateFinder();
        heardNs = SystemClock.elapsedRealtimeNanos();
        silent = false;
    }

    /** The rate is measured before the stream begins, and after it has changed. */
    private void open(long tNs) {
        double rateHz = finder.push(tNs);
        if (rateHz == 0) {
            return;
        }
        try {
            SignalConfig config =
                    new SignalConfig(Tables.nearest(rateHz), frame, SignalConfig.ANDROID_UNIT_G, rangeG, STRIDE_S);
            stream = new WristStream(config, encoder, new Remeasuring());
        } catch (WristProblem problem) {
            sink.problem(problem);
            finder = new RateFinder();
        }
    }

    /** The sensor's present time is that of its latest sample, and since then: not every watch has it on the system's clock. */
    private void checkSilence() {
        long sinceNs = SystemClock.elapsedRealtimeNanos() - heardNs;
        if (stream != null) {
            stream.checkSilence(latestNs + sinceNs);
        } else if (!silent && sinceNs >= WristStream.SILENT_S * 1_000_000_000L) { // while the rate is measured
            silent = true;
            sink.problem(new WristProblem(WristProblem.Kind.SENSOR_STOPPED, "no sample for " + sinceNs + " ns"));
        }
        handler.postDelayed(this::checkSilence, 1000);
    }

    private void showNotification() {
        NotificationManager manager = (NotificationManager) getSystemService(Context.NOTIFICATION_SERVICE);
        manager.createNotificationChannel(
                new NotificationChannel(CHANNEL, "Reading the accelerometer", NotificationManager.IMPORTANCE_LOW));
        Notification shown =
                new Notification.Builder(this, CHANNEL)
                        .setSmallIcon(android.R.drawable.ic_menu_compass)
                        .setContentTitle("Reading the accelerometer")
                        .setOngoing(true)
                        .build();
        if (Build.VERSION.SDK_INT >= 34) {
            startForeground(NOTIFICATION, shown, ServiceInfo.FOREGROUND_SERVICE_TYPE_HEALTH);
        } else {
            startForeground(NOTIFICATION, shown);
        }
    }

    /** Passes everything on; a wrong rate is measured anew. */
    private final class Remeasuring implements WristStream.Listener {
        @Override
        public void embedding(long endNs, float[] embedding) {
            sink.embedding(endNs, embedding);
        }

        @Override
        public void unusable(long endNs, edgeacc.core.Verdict verdict) {
            sink.unusable(endNs, verdict);
        }

        @Override
        public void problem(WristProblem problem) {
            sink.problem(problem);
            if (problem.kind() == WristProblem.Kind.RATE_OFF) {
                stream = null;
                finder = new RateFinder();
            }
        }
    }
}
