/* A runtime of one kernel, behind the interface of the real one: layer 0 is its plain body, layer 1 the core's own. */
#ifndef EDGEACC_MODEL_H
#define EDGEACC_MODEL_H

#include "edgeacc_kernels.h"

typedef enum { EDGEACC_OK = 0, ONE_KERNEL_REFUSED = 1 } edgeacc_status;

typedef struct {
    edgeacc_window window;
    edgeacc_scaling scaling;
    int depthwise;
    const int8_t *weights;
    int8_t *input, *output;
} edgeacc_model;

edgeacc_status edgeacc_model_open(edgeacc_model *model, const uint8_t *blob, uint32_t blob_bytes, uint8_t *arena,
                                  uint32_t arena_bytes);
uint32_t edgeacc_model_layers(const edgeacc_model *model);
int8_t *edgeacc_model_input(edgeacc_model *model, uint32_t index, uint32_t *bytes);
const int8_t *edgeacc_model_output(const edgeacc_model *model, uint32_t index, uint32_t *bytes);
void edgeacc_model_run_layer(edgeacc_model *model, uint32_t layer);

#endif
