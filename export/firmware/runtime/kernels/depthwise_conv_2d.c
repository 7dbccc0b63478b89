#include "edgeacc_kernels.h"

/* The taps of one axis that lie inside the image: from `first` on, `count` of them. */
typedef struct {
    int32_t first, count;
} taps;

static taps taps_inside(int32_t start, int32_t size, int32_t kernel, int32_t dilation)
{
    const int32_t first = start < 0 ? (dilation - 1 - start) / dilation : 0;
    const int32_t end = start < size ? edgeacc_least(kernel, (size - 1 - start) / dilation + 1) : 0;
    const taps inside = {first, edgeacc_most(0, end - first)};
    return inside;
}

void edgeacc_depthwise_conv_2d_plain(const edgeacc_window *window, const edgeacc_scaling *scaling, const int8_t *input,
                                     const int8_t *weights, int8_t *output)
{
    const int32_t fold = window->out_c / window->in_c, offset = scaling->input_offset;
    const int32_t input_tap = window->dilation_w * window->in_c, weights_tap = window->out_c;
    for (int32_t y = 0; y < window->out_h; y++) {
        const int32_t top = y * window->stride_h - window->pad_h;
        const taps rows = taps_inside(top, window->in_h, window->kernel_h, window->dilation_h);
        for (int32_t x = 0; x < window->out_w; x++) {
            const int32_t left = x * window->stride_w - window->pad_w;
            const taps columns = taps_inside(left, window->in_w, window->kernel_w, window->dilation_w);
            const int32_t first_x = left + columns.first * window->dilation_w;
            for (int32_t channel = 0; channel < window->out_c; channel++) {
                int32_t sum = scaling->bias[channel];
                for (int32_t row = rows.first; row < rows.first + rows.count; row++) {
                    const int32_t line = top + row * window->dilation_h;
                    int32_t from = (line * window->in_w + first_x) * window->in_c + channel / fold;
                    int32_t weight = (row * window->kernel_w + columns.first) * weights_tap + channel;
                    for (int32_t left_over = columns.count; left_over > 0; left_over--) {
                        sum += (input[from] + offset) * weights[weight];
                        from += input_tap;
                        weight += weights_tap;
                    }
                }
                *output++ = edgeacc_output(scaling, sum, channel);
            }
        }
    }
}

#if !defined(EDGEACC_SIMD) && !defined(__ARM_FEATURE_MVE)
void edgeacc_depthwise_conv_2d(const edgeacc_window *window, const edgeacc_scaling *scaling, const int8_t *input,
                               const int8_t *weights, int8_t *output)
{
    edgeacc_depthwise_conv_2d_plain(window, scaling, input, weights, output);
}
#endif
