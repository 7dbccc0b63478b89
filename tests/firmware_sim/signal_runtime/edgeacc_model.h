/* The signal core behind the model's interface, so that engines count its instructions: 60 s of raw samples in, the
   network's input out. Layers: all samples, the gate, the input. */
#ifndef EDGEACC_MODEL_H
#define EDGEACC_MODEL_H

#include <stdint.h>

typedef enum { EDGEACC_OK = 0, SIGNAL_REFUSED = 1 } edgeacc_status;
typedef struct {
    int16_t *raw; /* (source samples, 3) */
    int8_t *input;
    uint8_t *memory;
    uint32_t memory_bytes;
    int32_t fixed_bits;
} edgeacc_model;

edgeacc_status edgeacc_model_open(edgeacc_model *model, const uint8_t *blob, uint32_t blob_bytes, uint8_t *arena,
                                  uint32_t arena_bytes);
uint32_t edgeacc_model_layers(const edgeacc_model *model);
int8_t *edgeacc_model_input(edgeacc_model *model, uint32_t index, uint32_t *bytes);
const int8_t *edgeacc_model_output(const edgeacc_model *model, uint32_t index, uint32_t *bytes);
void edgeacc_model_run_layer(edgeacc_model *model, uint32_t layer);

#endif
