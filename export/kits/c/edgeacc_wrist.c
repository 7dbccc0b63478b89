#include "edgeacc_wrist.h"

#include "model.h"

edgeacc_config edgeacc_wrist_config(const edgeacc_tables *tables, float range_g, float stride_s)
{
    edgeacc_config config = {tables, {{0, 1, 2}, {1, 1, 1}}, 1.0f, range_g, 0, -1};
    const float stride = stride_s * (float)tables->rate_mhz / 1000.0f + 0.5f;
    config.stride = stride >= 1.0f && stride < 4294967040.0f ? (uint32_t)stride : 0;
    return config;
}

static uint32_t signal_bytes(const edgeacc_config *config)
{
    return (edgeacc_signal_bytes(config) + 15u) & ~15u;
}

uint32_t edgeacc_wrist_bytes(const edgeacc_config *config)
{
    const uint32_t bytes = signal_bytes(config);
    return bytes ? bytes + MODEL_ARENA_BYTES : 0;
}

edgeacc_wrist_status edgeacc_wrist_open(edgeacc_wrist *wrist, const edgeacc_config *config, void *memory, uint32_t bytes)
{
    const uint32_t needed = edgeacc_wrist_bytes(config);
    uint32_t input_bytes = 0, output_bytes = 0;
    wrist->heard = 0;
    if (needed == 0 || config->tables->samples != EDGEACC_SAMPLES) {
        return EDGEACC_WRIST_NO_CONFIG;
    }
    if (bytes < needed || ((uintptr_t)memory & 15u) != 0) {
        return EDGEACC_WRIST_NO_MEMORY;
    }
    if (!edgeacc_signal_open(&wrist->signal, config, memory, bytes - MODEL_ARENA_BYTES)) {
        return EDGEACC_WRIST_NO_CONFIG;
    }
    uint8_t *arena = (uint8_t *)memory + signal_bytes(config);
    if (edgeacc_model_open(&wrist->model, model_blob, MODEL_BLOB_BYTES, arena, MODEL_ARENA_BYTES) != EDGEACC_OK ||
        edgeacc_model_input(&wrist->model, 0, &input_bytes) == 0 || input_bytes != EDGEACC_AXES * EDGEACC_SAMPLES ||
        edgeacc_model_output(&wrist->model, 0, &output_bytes) == 0 || output_bytes != EDGEACC_EMBEDDING) {
        return EDGEACC_WRIST_NO_MODEL;
    }
    return EDGEACC_WRIST_OPEN;
}

edgeacc_taken edgeacc_wrist_push(edgeacc_wrist *wrist, int64_t t_ns, const float xyz[EDGEACC_AXES])
{
    const edgeacc_taken taken = edgeacc_signal_push(&wrist->signal, t_ns, xyz);
    if (taken == EDGEACC_TAKEN || taken == EDGEACC_GAP || taken == EDGEACC_CLOCK) {
        wrist->last_ns = t_ns;
        wrist->heard = 1;
    }
    return taken;
}

int edgeacc_wrist_silent(const edgeacc_wrist *wrist, int64_t now_ns)
{
    return wrist->heard && now_ns - wrist->last_ns >= (int64_t)EDGEACC_SILENT_S * 1000000000;
}

int edgeacc_wrist_due(const edgeacc_wrist *wrist)
{
    return edgeacc_signal_due(&wrist->signal);
}

static void read_output(edgeacc_wrist *wrist, float embedding[EDGEACC_EMBEDDING])
{
    uint32_t bytes;
    const int8_t *output = edgeacc_model_output(&wrist->model, 0, &bytes);
    for (uint32_t at = 0; at < EDGEACC_EMBEDDING; at++) {
        embedding[at] = (float)(output[at] - EDGEACC_OUTPUT_ZERO) * EDGEACC_OUTPUT_SCALE;
    }
}

edgeacc_verdict edgeacc_wrist_embed(edgeacc_wrist *wrist, float embedding[EDGEACC_EMBEDDING])
{
    uint32_t bytes;
    const edgeacc_verdict verdict = edgeacc_signal_verdict(&wrist->signal);
    if (verdict != EDGEACC_USE) {
        return verdict;
    }
    int8_t *input = edgeacc_model_input(&wrist->model, 0, &bytes);
    if (!edgeacc_signal_input(&wrist->signal, EDGEACC_INPUT_SCALE, EDGEACC_INPUT_ZERO, input)) {
        return EDGEACC_NOT_DUE;
    }
    edgeacc_model_run(&wrist->model);
    read_output(wrist, embedding);
    return EDGEACC_USE;
}

#if EDGEACC_HAS_PROBE
float edgeacc_wrist_heart_rate_bpm(const float embedding[EDGEACC_EMBEDDING])
{
    float bpm = edgeacc_probe_bias;
    for (uint32_t at = 0; at < EDGEACC_EMBEDDING; at++) {
        bpm += (embedding[at] - edgeacc_probe_mean[at]) / edgeacc_probe_std[at] * edgeacc_probe_weight[at];
    }
    return bpm;
}
#endif
