/* The application: samples from the FIFO, the signal core, the model, and an embedding for each window that may be used. */
#ifndef EDGEACC_APP_H
#define EDGEACC_APP_H

#include "device.h"
#include "edgeacc_model.h"
#include "edgeacc_signal.h"
#include "fifo.h"

enum { APP_SIGNAL_BYTES = 28 * 1024 };
#define APP_SILENT_NS 2000000000 /* without a sample for so long, the sensor is started again */

/* What the build of a device fixes. */
typedef struct {
    edgeacc_config signal;
    const uint8_t *blob;
    uint32_t blob_bytes;
    uint8_t *arena;
    uint32_t arena_bytes;
    float input_scale;
    int32_t input_zero_point;
} app_setup;

/* Kinds of records, and what their `value` is. */
enum {
    APP_BOOT = 1,      /* device_cause */
    APP_ANEW = 2,      /* edgeacc_taken: why the window was emptied */
    APP_WINDOW = 3,    /* edgeacc_verdict; `extra` is the motion in ug */
    APP_EMBEDDING = 4, /* bytes that follow the record */
    APP_OVERRUN = 5,
    APP_SILENT = 6,
    APP_BUS = 7,
    APP_REFUSED = 8, /* 1: the model, 2: its input is no window, 3: the signal's configuration */
    APP_END = 9      /* highest use of the stack in bytes, `extra`: of static memory without the arena */
};

typedef struct {
    uint32_t kind, value;
    int64_t t_ns;
    uint32_t extra, bytes;
} app_record;

/* All state; nothing in it outlives a reset. */
typedef struct {
    const app_setup *setup;
    edgeacc_signal signal;
    edgeacc_model model;
    fifo sensor;
    int64_t heard_ns;
    uint64_t signal_memory[APP_SIGNAL_BYTES / 8];
} app;

/* Runs until a simulated reset (1) or the end of the simulation (0). Whatever `a` holds before is overwritten. */
int app_run(app *a, const app_setup *setup, device_cause cause);

#endif
