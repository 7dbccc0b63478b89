#include "edgeacc_wrist.h"
#include "golden.h"
#include "tables.h"

static float distance(float left, float right)
{
    return left > right ? left - right : right - left;
}

/* Halves away from zero, as edgeacc_signal_input. */
static int8_t quantized(float score)
{
    const float scaled = score / EDGEACC_INPUT_SCALE;
    int32_t value = (int32_t)(scaled < 0.0f ? scaled - 0.5f : scaled + 0.5f) + EDGEACC_INPUT_ZERO;
    value = value < -128 ? -128 : value > 127 ? 127 : value;
    return (int8_t)value;
}

static void feed(edgeacc_wrist *wrist)
{
    for (uint32_t at = 0; at < EDGEACC_SAMPLES; at++) {
        float xyz[EDGEACC_AXES];
        for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
            xyz[axis] = (float)golden_raw[axis][at] * GOLDEN_UNIT_G;
        }
        (void)edgeacc_wrist_push(wrist, (int64_t)at * 1000000000000 / golden_tables.rate_mhz, xyz);
    }
}

/* The window's memory is free once its scores are compared: the arena holds an axis of them meanwhile. */
static float score_difference(edgeacc_wrist *wrist, float *z_T)
{
    float most = 0.0f;
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        edgeacc_signal_scores(&wrist->signal, axis, z_T);
        for (uint32_t at = 0; at < EDGEACC_SAMPLES; at++) {
            const float difference = distance(z_T[at], golden_scores[axis][at]);
            most = difference <= most ? most : difference;
        }
    }
    return most;
}

static uint32_t wrong_bytes(edgeacc_wrist *wrist)
{
    uint32_t bytes, wrong = 0;
    int8_t *input = edgeacc_model_input(&wrist->model, 0, &bytes);
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        for (uint32_t at = 0; at < EDGEACC_SAMPLES; at++) {
            input[axis * EDGEACC_SAMPLES + at] = quantized(golden_scores[axis][at]);
        }
    }
    edgeacc_model_run(&wrist->model);
    const int8_t *output = edgeacc_model_output(&wrist->model, 0, &bytes);
    for (uint32_t at = 0; at < EDGEACC_EMBEDDING; at++) {
        wrong += output[at] != golden_embedding[at];
    }
    return wrong;
}

static float embedding_difference(edgeacc_wrist *wrist)
{
    float embedding[EDGEACC_EMBEDDING], most = 0.0f;
    if (edgeacc_wrist_embed(wrist, embedding) != EDGEACC_USE) {
        return -1.0f;
    }
    for (uint32_t at = 0; at < EDGEACC_EMBEDDING; at++) {
        const float expected = (float)(golden_embedding[at] - EDGEACC_OUTPUT_ZERO) * EDGEACC_OUTPUT_SCALE;
        const float difference = distance(embedding[at], expected) / EDGEACC_OUTPUT_SCALE;
        most = difference > most ? difference : most;
    }
    return most;
}

int edgeacc_wrist_self_test(edgeacc_wrist *wrist, void *memory, uint32_t bytes, edgeacc_self_test *result)
{
    const edgeacc_config config = edgeacc_wrist_config(&golden_tables, golden_tables.range_g, 1.0f);
    const uint32_t scores_at = edgeacc_wrist_bytes(&config);
    const edgeacc_self_test none = {0, EDGEACC_WRIST_NO_MEMORY, EDGEACC_NOT_DUE, 0.0f, 0, 0.0f};
    *result = none;
    if (bytes < EDGEACC_SELF_TEST_BYTES || scores_at + EDGEACC_SAMPLES * sizeof(float) > EDGEACC_SELF_TEST_BYTES) {
        return 0;
    }
    result->status = edgeacc_wrist_open(wrist, &config, memory, bytes);
    if (result->status != EDGEACC_WRIST_OPEN) {
        return 0;
    }
    feed(wrist);
    result->verdict = edgeacc_signal_verdict(&wrist->signal);
    if (result->verdict != EDGEACC_USE) {
        return 0;
    }
    result->score_difference = score_difference(wrist, (float *)(void *)((uint8_t *)memory + scores_at));
    result->embedding_difference = embedding_difference(wrist);
    result->wrong_bytes = wrong_bytes(wrist);
    result->passed = result->score_difference <= EDGEACC_SCORE_TOLERANCE && result->wrong_bytes == 0;
    return result->passed;
}
