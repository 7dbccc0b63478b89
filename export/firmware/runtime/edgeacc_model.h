/* A compiled model: one blob of constants, one arena of memory, no allocation, no C library but memcpy and memset.
   A blob is little endian, as is every core that this runs on. */
#ifndef EDGEACC_MODEL_H
#define EDGEACC_MODEL_H

#include <stdint.h>

typedef enum {
    EDGEACC_OK = 0,
    EDGEACC_NOT_A_MODEL = 1,     /* too short, or it does not begin as a blob does */
    EDGEACC_OTHER_VERSION = 2,   /* of an older or newer compiler */
    EDGEACC_DAMAGED = 3,         /* cut off, or its checksum is wrong */
    EDGEACC_ARENA_TOO_SMALL = 4, /* or not aligned to 16 bytes */
    EDGEACC_BAD_TABLE = 5,       /* inputs, outputs or layers outside blob or arena */
    EDGEACC_BAD_LAYER = 6,       /* a layer that would leave its memory */
    EDGEACC_NO_KERNEL = 7        /* a layer whose kernel is not in this build */
} edgeacc_status;

/* Yours to keep; its members are the runtime's. */
typedef struct {
    const uint8_t *blob;
    uint32_t blob_bytes;
    uint8_t *arena;
    uint32_t arena_bytes;
} edgeacc_model;

/* Check a blob once and for all: its checksum, and that no layer reads or writes outside blob and arena. Both are aligned
   to 16 bytes and stay where they are while the model is used. */
edgeacc_status edgeacc_model_open(edgeacc_model *model, const uint8_t *blob, uint32_t blob_bytes, uint8_t *arena,
                                  uint32_t arena_bytes);

uint32_t edgeacc_model_layers(const edgeacc_model *model);

/* Where to write input `index`, and how many bytes it has; NULL when there is none. Each run uses the inputs up. */
int8_t *edgeacc_model_input(edgeacc_model *model, uint32_t index, uint32_t *bytes);

/* Where to read output `index` after a run; NULL when there is none. */
const int8_t *edgeacc_model_output(const edgeacc_model *model, uint32_t index, uint32_t *bytes);

/* One layer, 0 to edgeacc_model_layers - 1, in this order. */
void edgeacc_model_run_layer(edgeacc_model *model, uint32_t layer);

/* All layers. */
void edgeacc_model_run(edgeacc_model *model);

/* The arena as it was after opening: a streaming model forgets all earlier runs. */
void edgeacc_model_reset(edgeacc_model *model);

#endif
