/* The blob: i32 depthwise, the members of edgeacc_window, five of edgeacc_scaling, then bias, multiplier and shift of each
   channel, then the weights. It comes from edgeacc's own tests and benchmark, so only its length is checked. */
#include "edgeacc_model.h"

#include <string.h>

enum { WINDOW = 14, LIMITS = 5, HEAD = 1 + WINDOW + LIMITS };

static uint32_t input_bytes(const edgeacc_model *model)
{
    return (uint32_t)(model->window.in_h * model->window.in_w * model->window.in_c);
}

static uint32_t output_bytes(const edgeacc_model *model)
{
    return (uint32_t)(model->window.out_h * model->window.out_w * model->window.out_c);
}

edgeacc_status edgeacc_model_open(edgeacc_model *model, const uint8_t *blob, uint32_t blob_bytes, uint8_t *arena,
                                  uint32_t arena_bytes)
{
    int32_t depthwise;
    if (blob_bytes < HEAD * 4) {
        return ONE_KERNEL_REFUSED;
    }
    memcpy(&depthwise, blob, 4);
    memcpy(&model->window, blob + 4, WINDOW * 4);
    memcpy(&model->scaling, blob + 4 + WINDOW * 4, LIMITS * 4);
    const int32_t *channels = (const int32_t *)(const void *)(blob + HEAD * 4);
    const int32_t count = model->window.out_c;
    model->depthwise = depthwise;
    model->scaling.bias = channels;
    model->scaling.multiplier = channels + count;
    model->scaling.shift = channels + 2 * count;
    model->weights = (const int8_t *)(channels + 3 * count);
    model->input = (int8_t *)arena;
    model->output = (int8_t *)arena + input_bytes(model);
    return arena_bytes >= input_bytes(model) + 2 * output_bytes(model) ? EDGEACC_OK : ONE_KERNEL_REFUSED;
}

uint32_t edgeacc_model_layers(const edgeacc_model *model)
{
    (void)model;
    return 2;
}

int8_t *edgeacc_model_input(edgeacc_model *model, uint32_t index, uint32_t *bytes)
{
    *bytes = input_bytes(model);
    return index == 0 ? model->input : 0;
}

const int8_t *edgeacc_model_output(const edgeacc_model *model, uint32_t index, uint32_t *bytes)
{
    *bytes = output_bytes(model);
    return index < 2 ? model->output + index * *bytes : 0;
}

void edgeacc_model_run_layer(edgeacc_model *model, uint32_t layer)
{
    const edgeacc_window *window = &model->window;
    int8_t *output = model->output + layer * output_bytes(model);
    if (model->depthwise) {
        (layer == 0 ? edgeacc_depthwise_conv_2d_plain : edgeacc_depthwise_conv_2d)(window, &model->scaling, model->input,
                                                                                   model->weights, output);
    } else {
        (layer == 0 ? edgeacc_conv_2d_plain : edgeacc_conv_2d)(window, &model->scaling, model->input, model->weights,
                                                               output);
    }
}
