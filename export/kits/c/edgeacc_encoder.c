#include "edgeacc_encoder.h"

#include "edgeacc_signal.h"
#include "encoder.h"
#include "model.h"

uint32_t edgeacc_encoder_bytes(void) { return MODEL_ARENA_BYTES; }

int edgeacc_encoder_open(edgeacc_model *model, void *memory, uint32_t bytes)
{
    return edgeacc_model_open(model, model_blob, MODEL_BLOB_BYTES, memory, bytes) == EDGEACC_OK;
}

/* Halves away from zero, as edgeacc_signal_input. */
static int8_t quantized(float score)
{
    const float steps = score / EDGEACC_INPUT_SCALE;
    const float bounded = steps < -512.0f ? -512.0f : steps > 512.0f ? 512.0f : steps;
    const int32_t value = (int32_t)(bounded + (bounded < 0 ? -0.5f : 0.5f)) + EDGEACC_INPUT_ZERO;
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

int edgeacc_encoder_embed(edgeacc_model *model, const float *scores, float *embedding)
{
    uint32_t bytes;
    int8_t *input = edgeacc_model_input(model, 0, &bytes);
    for (uint32_t at = 0; at < EDGEACC_AXES * EDGEACC_SAMPLES; at++) {
        if (scores[at] != scores[at]) {
            return 0;
        }
        input[at] = quantized(scores[at]);
    }
    edgeacc_model_run(model);
    const int8_t *output = edgeacc_model_output(model, 0, &bytes);
    for (uint32_t at = 0; at < EDGEACC_EMBEDDING; at++) {
        embedding[at] = (float)(output[at] - EDGEACC_OUTPUT_ZERO) * EDGEACC_OUTPUT_SCALE;
    }
    return 1;
}
