/* A device whose sensor is a file: the application's `harness_run`, on the boards of this folder's parent. */
#include "device_simulated.h"

#include "app.h"
#include "board.h"
#include "harness.h"

#include <string.h>

extern const edgeacc_tables app_tables;

static struct {
    int16_t fifo[DEVICE_FIFO_SAMPLES][3];
    uint32_t oldest, count, unfed;
    int64_t now_ns;
    int overrun, bus_fault, not_written;
    device_cause cause;
} sensor;

static app application;

void device_sensor_restart(void)
{
    sensor.count = 0;
    sensor.overrun = 0;
    sensor.bus_fault = 0;
}

static int enqueue(uint32_t samples)
{
    for (; samples > 0; samples--) {
        int16_t xyz[3];
        if (!board_read(xyz, sizeof xyz)) {
            return 0;
        }
        if (sensor.count == DEVICE_FIFO_SAMPLES) {
            sensor.overrun = 1;
            sensor.oldest = (sensor.oldest + 1u) % DEVICE_FIFO_SAMPLES;
            sensor.count--;
        }
        memcpy(sensor.fifo[(sensor.oldest + sensor.count) % DEVICE_FIFO_SAMPLES], xyz, sizeof xyz);
        sensor.count++;
    }
    return 1;
}

static uint32_t reset(device_cause cause)
{
    sensor.cause = cause;
    sensor.unfed = 0;
    return DEVICE_RESET;
}

uint32_t device_sleep(void)
{
    simulated_interrupt next;
    simulated_wait();
    if (!board_read(&next, sizeof next) || !enqueue(next.samples)) {
        return DEVICE_END;
    }
    sensor.now_ns = next.t_ns;
    sensor.bus_fault |= (next.flags & SIMULATED_BUS_FAULT) != 0;
    if (next.flags & SIMULATED_BROWN_OUT) {
        memset(&application, 0x5A, sizeof application);
        return reset(DEVICE_BROWN_OUT);
    }
    if (++sensor.unfed > SIMULATED_PATIENCE) {
        return reset(DEVICE_WATCHDOG);
    }
    return (next.flags & SIMULATED_TIMER) ? DEVICE_TIMER : DEVICE_WATERMARK;
}

int64_t device_time_ns(void) { return sensor.now_ns; }

int32_t device_fifo_count(int *overrun)
{
    *overrun = sensor.overrun;
    sensor.overrun = 0;
    return sensor.bus_fault ? -1 : (int32_t)sensor.count;
}

int device_fifo_read(int16_t xyz[3])
{
    if (sensor.bus_fault || sensor.count == 0) {
        return 0;
    }
    memcpy(xyz, sensor.fifo[sensor.oldest], 3 * sizeof xyz[0]);
    sensor.oldest = (sensor.oldest + 1u) % DEVICE_FIFO_SAMPLES;
    sensor.count--;
    return 1;
}

void device_watchdog_feed(void) { sensor.unfed = 0; }

void device_emit(const void *record, uint32_t bytes) { sensor.not_written |= !board_write(record, bytes); }

static app_setup setup_of(const simulated_header *header)
{
    app_setup setup;
    const edgeacc_frame frame = {{0, 1, 2}, {1, 1, 1}};
    const edgeacc_config config = {&app_tables,     frame,          header->unit_g,
                                   header->range_g, header->stride, header->fixed_bits};
    setup.signal = config;
    setup.blob = board_blob();
    setup.blob_bytes = header->blob_bytes;
    setup.arena = board_arena(&setup.arena_bytes);
    setup.input_scale = header->input_scale;
    setup.input_zero_point = header->input_zero_point;
    return setup;
}

int harness_run(void)
{
    simulated_header header;
    if (!board_read(&header, sizeof header) || header.magic != SIMULATED_JOB) {
        return HARNESS_NO_JOB;
    }
    const app_setup setup = setup_of(&header);
    while (app_run(&application, &setup, sensor.cause)) {
    }
    const app_record end = {APP_END, board_stack_bytes(), sensor.now_ns, (uint32_t)sizeof application, 0};
    device_emit(&end, sizeof end);
    return sensor.not_written ? HARNESS_NOT_WRITTEN : HARNESS_OK;
}
