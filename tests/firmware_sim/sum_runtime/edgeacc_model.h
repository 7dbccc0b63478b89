/* A model behind the interface of the real one: any input, and as output the input's first 8 bytes and 8 of a checksum. */
#ifndef EDGEACC_MODEL_H
#define EDGEACC_MODEL_H

#include <stdint.h>

typedef enum { EDGEACC_OK = 0, SUM_REFUSED = 1 } edgeacc_status;
typedef struct {
    uint32_t input_bytes;
    int8_t *arena;
} edgeacc_model;

edgeacc_status edgeacc_model_open(edgeacc_model *model, const uint8_t *blob, uint32_t blob_bytes, uint8_t *arena,
                                  uint32_t arena_bytes);
int8_t *edgeacc_model_input(edgeacc_model *model, uint32_t index, uint32_t *bytes);
const int8_t *edgeacc_model_output(const edgeacc_model *model, uint32_t index, uint32_t *bytes);
void edgeacc_model_run(edgeacc_model *model);

#endif
