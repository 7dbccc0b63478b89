#include "edgeacc_model.h"

#include <string.h>

enum { HALF = 8 };

/* The blob is the bytes of the input, u32. */
edgeacc_status edgeacc_model_open(edgeacc_model *model, const uint8_t *blob, uint32_t blob_bytes, uint8_t *arena,
                                  uint32_t arena_bytes)
{
    model->arena = (int8_t *)arena;
    if (blob_bytes != sizeof model->input_bytes) {
        return SUM_REFUSED;
    }
    memcpy(&model->input_bytes, blob, sizeof model->input_bytes);
    return arena_bytes >= model->input_bytes + 2 * HALF ? EDGEACC_OK : SUM_REFUSED;
}

int8_t *edgeacc_model_input(edgeacc_model *model, uint32_t index, uint32_t *bytes)
{
    *bytes = model->input_bytes;
    return index == 0 ? model->arena : 0;
}

const int8_t *edgeacc_model_output(const edgeacc_model *model, uint32_t index, uint32_t *bytes)
{
    *bytes = 2 * HALF;
    return index == 0 ? model->arena + model->input_bytes : 0;
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo: draft-eastlake-fnv). */
void edgeacc_model_run(edgeacc_model *model)
{
    uint64_t sum = 14695981039346656037u;
    for (uint32_t i = 0; i < model->input_bytes; i++) {
        sum = (sum ^ (uint8_t)model->arena[i]) * 1099511628211u;
    }
    memcpy(model->arena + model->input_bytes, model->arena, HALF);
    memcpy(model->arena + model->input_bytes + HALF, &sum, sizeof sum);
}
