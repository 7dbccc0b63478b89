#include "edgeacc_kernels.h"

static int32_t products(const int8_t *input, int32_t offset, const int8_t *weights, int32_t count)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += (input[i] + offset) * weights[i];
    }
    return sum;
}

static int32_t sum_at(const edgeacc_window *window, int32_t offset, const int8_t *input, const int8_t *weights, int32_t y,
                      int32_t x)
{
    const int32_t channels = window->in_c;
    int32_t sum = 0;
    for (int32_t tap_y = 0; tap_y < window->kernel_h; tap_y++) {
        const int32_t line = y * window->stride_h - window->pad_h + tap_y * window->dilation_h;
        if (line < 0 || line >= window->in_h) {
            continue;
        }
        for (int32_t tap_x = 0; tap_x < window->kernel_w; tap_x++) {
            const int32_t place = x * window->stride_w - window->pad_w + tap_x * window->dilation_w;
            if (place >= 0 && place < window->in_w) {
                sum += products(input + (line * window->in_w + place) * channels, offset,
                                weights + (tap_y * window->kernel_w + tap_x) * channels, channels);
            }
        }
    }
    return sum;
}

void edgeacc_conv_2d_plain(const edgeacc_window *window, const edgeacc_scaling *scaling, const int8_t *input,
                           const int8_t *weights, int8_t *output)
{
    const int32_t taps = window->kernel_h * window->kernel_w * window->in_c;
    for (int32_t y = 0; y < window->out_h; y++) {
        for (int32_t x = 0; x < window->out_w; x++) {
            for (int32_t channel = 0; channel < window->out_c; channel++) {
                const int32_t sum = sum_at(window, scaling->input_offset, input, weights + channel * taps, y, x);
                *output++ = edgeacc_output(scaling, scaling->bias[channel] + sum, channel);
            }
        }
    }
}

#if !defined(EDGEACC_SIMD) && !defined(__ARM_FEATURE_MVE)
void edgeacc_conv_2d(const edgeacc_window *window, const edgeacc_scaling *scaling, const int8_t *input,
                     const int8_t *weights, int8_t *output)
{
    edgeacc_conv_2d_plain(window, scaling, input, weights, output);
}
#endif
