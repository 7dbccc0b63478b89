#include "app.h"

static void emit(uint32_t kind, uint32_t value, uint32_t extra)
{
    const app_record record = {kind, value, device_time_ns(), extra, 0};
    device_emit(&record, sizeof record);
}

static void emit_embedding(const app *a)
{
    app_record record = {APP_EMBEDDING, 0, device_time_ns(), 0, 0};
    const int8_t *embedding = edgeacc_model_output(&a->model, 0, &record.bytes);
    record.value = record.bytes;
    device_emit(&record, sizeof record);
    device_emit(embedding, record.bytes);
}

static void use_window(app *a)
{
    const edgeacc_verdict verdict = edgeacc_signal_verdict(&a->signal);
    uint32_t bytes;
    emit(APP_WINDOW, (uint32_t)verdict, (uint32_t)(1000.0f * edgeacc_signal_motion_mg(&a->signal) + 0.5f));
    if (verdict != EDGEACC_USE) {
        return;
    }
    int8_t *input = edgeacc_model_input(&a->model, 0, &bytes);
    if (edgeacc_signal_input(&a->signal, a->setup->input_scale, a->setup->input_zero_point, input)) {
        edgeacc_model_run(&a->model);
        emit_embedding(a);
    }
}

static void take(void *context, int64_t t_ns, const int16_t xyz[3])
{
    app *a = context;
    const edgeacc_taken taken = edgeacc_signal_push_raw(&a->signal, t_ns, xyz);
    if (taken == EDGEACC_CLOCK || taken == EDGEACC_GAP || taken == EDGEACC_RATE) {
        emit(APP_ANEW, (uint32_t)taken, 0);
    }
    if (edgeacc_signal_due(&a->signal)) {
        use_window(a);
    }
}

static int open_signal(app *a)
{
    return edgeacc_signal_open(&a->signal, &a->setup->signal, a->signal_memory, sizeof a->signal_memory);
}

static uint32_t start(app *a, const app_setup *setup)
{
    uint32_t bytes;
    const uint64_t period_ns = 1000000000000u / setup->signal.tables->source_mhz;
    a->setup = setup;
    a->heard_ns = device_time_ns() > 0 ? device_time_ns() : 0;
    fifo_open(&a->sensor, (uint32_t)period_ns);
    if (edgeacc_model_open(&a->model, setup->blob, setup->blob_bytes, setup->arena, setup->arena_bytes) != EDGEACC_OK) {
        return 1;
    }
    if (edgeacc_model_input(&a->model, 0, &bytes) == 0 || bytes != EDGEACC_AXES * setup->signal.tables->samples) {
        return 2;
    }
    return open_signal(a) ? 0 : 3;
}

static void restart_sensor(app *a, uint32_t why)
{
    emit(why, 0, 0);
    device_sensor_restart();
    fifo_open(&a->sensor, (uint32_t)a->sensor.period_ns);
    (void)open_signal(a);
    a->heard_ns = device_time_ns();
}

/* While the bus does not answer the watchdog gets nothing: it resets the device. */
static void serve(app *a)
{
    uint32_t taken;
    const int64_t now_ns = device_time_ns();
    const fifo_status status = fifo_drain(&a->sensor, now_ns, take, a, &taken);
    if (status == FIFO_BUS) {
        emit(APP_BUS, 0, 0);
        return;
    }
    device_watchdog_feed();
    if (status == FIFO_OVERRUN) {
        emit(APP_OVERRUN, 0, 0);
    }
    if (taken > 0 || status == FIFO_OVERRUN) {
        a->heard_ns = now_ns;
    } else if (now_ns < a->heard_ns || now_ns - a->heard_ns >= APP_SILENT_NS) {
        restart_sensor(a, APP_SILENT);
    }
}

int app_run(app *a, const app_setup *setup, device_cause cause)
{
    emit(APP_BOOT, (uint32_t)cause, 0);
    const uint32_t refused = start(a, setup);
    if (refused) {
        emit(APP_REFUSED, refused, 0);
        return 0;
    }
    device_sensor_restart();
    for (;;) {
        const uint32_t why = device_sleep();
        if (why & (DEVICE_END | DEVICE_RESET)) {
            return (why & DEVICE_RESET) != 0;
        }
        serve(a);
    }
}
