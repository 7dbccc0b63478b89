/* Four channels at a time: one word of inputs and one of weights are widened to halves, SMLABB and SMLATT multiply them. */
#include "edgeacc_kernels.h"

#if defined(EDGEACC_SIMD)
#include "dsp/simd.h"

/* Four channels, and how to step through input, weights and output. */
typedef struct {
    int32_t bias[4];
    struct {
        int32_t multiplier, last_shift;
    } scale[4];
    int32_t offset;      /* of the output, as edgeacc_quick wants it */
    uint32_t both;       /* the input's offset, twice */
    int32_t tap;         /* bytes from one tap to the next, in input and weights */
    int32_t input_row;   /* bytes from one row of taps to the next */
    int32_t weights_row;
    int32_t input_step;  /* bytes from one place to the next */
    int32_t output_step;
} four_channels;

/* Products of the words in s and r, whose halves u and t take in turn. */
#define PRODUCTS                              \
    "sxtab16 %[u], %[both], %[s]\n\t"         \
    "sxtb16 %[t], %[r]\n\t"                   \
    "smlabb %[s0], %[u], %[t], %[s0]\n\t"     \
    "smlatt %[s2], %[u], %[t], %[s2]\n\t"     \
    "sxtab16 %[s], %[both], %[s], ror #8\n\t" \
    "sxtb16 %[r], %[r], ror #8\n\t"           \
    "smlabb %[s1], %[s], %[r], %[s1]\n\t"     \
    "smlatt %[s3], %[s], %[r], %[s3]\n\t"

#define TAP "ldr %[s], [%[x]]\n\tldr %[r], [%[w]]\n\tadd %[x], %[tap]\n\tadd %[w], %[tap]\n\t" PRODUCTS

#define TAP_AT(place) "ldr %[s], [%[x]" place "]\n\tldr %[r], [%[w]" place "]\n\t" PRODUCTS

/* A row of three taps whose weights follow those of the row before. */
#define ROW                                                          \
    TAP_AT("") TAP_AT(", %[tap]") TAP_AT(", %[tap], lsl #1")         \
    "add %[x], %[row]\n\tadd %[w], %[tap]\n\tadd %[w], %[w], %[tap], lsl #1\n\t"

#define REGISTERS(...)                                                                                                 \
    : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [x] "+r"(x), [w] "+r"(w), [n] "+r"(n),                \
      [u] "=&r"(u), [s] "=&r"(s), [t] "=&r"(t), [r] "=&r"(r)                                                           \
    : [both] "r"(both), [tap] "r"(tap) __VA_ARGS__                                                                     \
    : "cc", "memory"

static inline void four_outputs(const four_channels *four, int32_t s0, int32_t s1, int32_t s2, int32_t s3, int8_t *output)
{
    const int32_t offset = four->offset;
    output[0] = edgeacc_quick(s0, four->scale[0].multiplier, four->scale[0].last_shift, offset);
    output[1] = edgeacc_quick(s1, four->scale[1].multiplier, four->scale[1].last_shift, offset);
    output[2] = edgeacc_quick(s2, four->scale[2].multiplier, four->scale[2].last_shift, offset);
    output[3] = edgeacc_quick(s3, four->scale[3].multiplier, four->scale[3].last_shift, offset);
}

/* `places` places of one line, all with the same taps. */
__attribute__((noinline)) static void line_of_four(const four_channels *four, const int8_t *input, const int8_t *weights,
                                                   int32_t rows, int32_t columns, int32_t places, int8_t *output)
{
    const int32_t tap = four->tap;
    const uint32_t both = four->both;
    do {
        int32_t s0 = four->bias[0], s1 = four->bias[1], s2 = four->bias[2], s3 = four->bias[3], left = rows;
        const int8_t *input_row = input, *weights_row = weights;
        while (left > 0) {
            const int8_t *x = input_row, *w = weights_row;
            uint32_t u, s, t, r;
            int32_t n = columns;
            if (n >= 3) {
                __asm("1:\n\t" TAP TAP TAP "subs %[n], #3\n\tcmp %[n], #3\n\tbge 1b" REGISTERS());
            }
            while (n > 0) {
                __asm(TAP "subs %[n], #1" REGISTERS());
            }
            if (--left == 0) {
                break;
            }
            input_row += four->input_row;
            weights_row += four->weights_row;
        }
        four_outputs(four, s0, s1, s2, s3, output);
        input += four->input_step;
        output += four->output_step;
    } while (--places > 0);
}

/* The same of `rows` rows, from 1 on, of three taps. */
__attribute__((noinline)) static void line_of_threes(const four_channels *four, const int8_t *input,
                                                     const int8_t *weights, int32_t rows, int32_t places, int8_t *output)
{
    const int32_t tap = four->tap, row = four->input_row;
    const uint32_t both = four->both;
    do {
        int32_t s0 = four->bias[0], s1 = four->bias[1], s2 = four->bias[2], s3 = four->bias[3], n = rows;
        const int8_t *x = input, *w = weights;
        uint32_t u, s, t, r;
        __asm("1:\n\t" ROW "subs %[n], #1\n\tbne 1b" REGISTERS(, [row] "r"(row)));
        four_outputs(four, s0, s1, s2, s3, output);
        input += four->input_step;
        output += four->output_step;
    } while (--places > 0);
}

static void set_channels(four_channels *four, const edgeacc_scaling *scaling, int32_t channel)
{
    for (int32_t i = 0; i < 4; i++) {
        four->bias[i] = scaling->bias[channel + i];
        four->scale[i].multiplier = scaling->multiplier[channel + i];
        four->scale[i].last_shift = ~scaling->shift[channel + i];
    }
}

/* One line of output: the places with all their taps inside in one go, those at the edges one by one. */
static void line(const four_channels *four, const edgeacc_window *window, int32_t channel, const int8_t *input,
                 const int8_t *weights, int32_t y, int8_t *output)
{
    const int32_t channels = window->in_c, top = y * window->stride_h - window->pad_h;
    const int32_t first_row = edgeacc_most(0, -top), end_row = edgeacc_least(window->kernel_h, window->in_h - top);
    for (int32_t x = 0, places; x < window->out_w; x += places) {
        const int32_t left = x * window->stride_w - window->pad_w, first = edgeacc_most(0, -left);
        const int32_t columns = edgeacc_least(window->kernel_w, window->in_w - left) - first;
        places = 1;
        if (columns == window->kernel_w) {
            const int32_t inside = (window->in_w - window->kernel_w - left) / window->stride_w + 1;
            places = edgeacc_least(inside, window->out_w - x);
        }
        const int32_t rows = columns > 0 ? end_row - first_row : 0;
        const int32_t from = rows > 0 ? ((top + first_row) * window->in_w + left + first) * channels + channel : 0;
        const int8_t *at = input + from, *with = weights + (first_row * window->kernel_w + first) * channels + channel;
        int8_t *to = output + (y * window->out_w + x) * channels + channel;
        if (columns == 3 && window->kernel_w == 3 && rows > 0) {
            line_of_threes(four, at, with, rows, places, to);
        } else {
            line_of_four(four, at, with, rows, columns, places, to);
        }
    }
}

void edgeacc_depthwise_conv_2d(const edgeacc_window *window, const edgeacc_scaling *scaling, const int8_t *input,
                               const int8_t *weights, int8_t *output)
{
    const int32_t channels = window->in_c, taps = window->kernel_h * window->kernel_w;
    const int usual = window->dilation_h == 1 && window->dilation_w == 1 && channels == window->out_c && channels >= 4;
    if (!usual || !edgeacc_is_quick(scaling, channels, taps)) {
        edgeacc_depthwise_conv_2d_plain(window, scaling, input, weights, output);
        return;
    }
    four_channels four = {
        .offset = 2 * scaling->output_offset + 1,
        .both = edgeacc_twice(scaling->input_offset),
        .tap = channels,
        .input_row = window->in_w * channels,
        .weights_row = window->kernel_w * channels,
        .input_step = window->stride_w * channels,
        .output_step = channels,
    };
    for (int32_t channel = 0; channel < channels; channel += 4) {
        channel = edgeacc_least(channel, channels - 4); /* the last four overlap those before */
        set_channels(&four, scaling, channel);
        for (int32_t y = 0; y < window->out_h; y++) {
            line(&four, window, channel, input, weights, y, output);
        }
    }
}
#endif
