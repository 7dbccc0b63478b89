/* A runtime of three fixed layers behind the interface of the real one: small enough to foresee what it executes. */
#ifndef EDGEACC_MODEL_H
#define EDGEACC_MODEL_H

#include <stdint.h>

typedef enum { EDGEACC_OK = 0, STUB_REFUSED = 1 } edgeacc_status;
typedef struct {
    const int8_t *blob;
    int8_t *arena;
} edgeacc_model;

edgeacc_status edgeacc_model_open(edgeacc_model *model, const uint8_t *blob, uint32_t blob_bytes, uint8_t *arena,
                                  uint32_t arena_bytes);
uint32_t edgeacc_model_layers(const edgeacc_model *model);
int8_t *edgeacc_model_input(edgeacc_model *model, uint32_t index, uint32_t *bytes);
const int8_t *edgeacc_model_output(const edgeacc_model *model, uint32_t index, uint32_t *bytes);
void edgeacc_model_run_layer(edgeacc_model *model, uint32_t layer);

#endif
