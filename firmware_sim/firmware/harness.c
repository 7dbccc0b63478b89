#include "harness.h"

#include "board.h"
#include "edgeacc_model.h"

__attribute__((noinline)) void harness_layer_begin(uint32_t layer) { __asm volatile("/* begins */" ::"r"(layer) : "memory"); }

__attribute__((noinline)) void harness_layer_end(uint32_t layer) { __asm volatile("/* ends */" ::"r"(layer) : "memory"); }

static int write_words(const uint32_t *words, uint32_t count) { return board_write(words, count * 4u); }

static int read_inputs(edgeacc_model *model)
{
    uint32_t bytes;
    int8_t *input;
    for (uint32_t i = 0; (input = edgeacc_model_input(model, i, &bytes)) != 0; i++) {
        if (!board_read(input, bytes)) {
            return 0;
        }
    }
    return 1;
}

static int write_outputs(const edgeacc_model *model)
{
    uint32_t bytes;
    const int8_t *output;
    for (uint32_t i = 0; (output = edgeacc_model_output(model, i, &bytes)) != 0; i++) {
        if (!board_write(output, bytes)) {
            return 0;
        }
    }
    return 1;
}

static uint32_t output_bytes(const edgeacc_model *model)
{
    uint32_t sum = 0, bytes;
    for (uint32_t i = 0; edgeacc_model_output(model, i, &bytes) != 0; i++) {
        sum += bytes;
    }
    return sum;
}

static void run_marked(edgeacc_model *model)
{
    const uint32_t layers = edgeacc_model_layers(model);
    for (uint32_t layer = 0; layer < layers; layer++) {
        harness_layer_begin(layer);
        edgeacc_model_run_layer(model, layer);
        harness_layer_end(layer);
    }
}

int harness_run(void)
{
    uint32_t job[3];
    if (!board_read(job, sizeof job) || job[0] != HARNESS_JOB) {
        return HARNESS_NO_JOB;
    }
    uint32_t arena_bytes;
    uint8_t *arena = board_arena(&arena_bytes);
    edgeacc_model model;
    const edgeacc_status status = edgeacc_model_open(&model, board_blob(), job[1], arena, arena_bytes);
    const int opened = status == EDGEACC_OK;
    const uint32_t head[4] = {HARNESS_RESULT, (uint32_t)status, opened ? edgeacc_model_layers(&model) : 0u,
                              opened ? output_bytes(&model) : 0u};
    if (!write_words(head, 4)) {
        return HARNESS_NOT_WRITTEN;
    }
    if (!opened) {
        return HARNESS_REFUSED;
    }
    for (uint32_t run = 0; run < job[2]; run++) {
        if (!read_inputs(&model)) {
            return HARNESS_NO_JOB;
        }
        run_marked(&model);
        if (!write_outputs(&model)) {
            return HARNESS_NOT_WRITTEN;
        }
    }
    const uint32_t stack_bytes = board_stack_bytes();
    return write_words(&stack_bytes, 1) ? HARNESS_OK : HARNESS_NOT_WRITTEN;
}
