/* Sixteen channels of one place at a time. Products of two taps are added in 16 bits (weights are -127 to 127, so two fit),
   then widened. What the input's offset adds goes into the bias; at the edges the zero point takes the place of what lies
   outside, so that the bias holds there too. */
#include "edgeacc_kernels.h"

#if defined(__ARM_FEATURE_MVE)
#include "mve/finish.h"

enum { MOST_TAPS = 64, LANES = 16 }; /* more taps run in plain C: gathered inputs and weights take 2 KB of stack */

/* Sixteen channels. VMULLB and VMOVLB take every second lane: the sums stand as channels 0, 4, 8, 12; 1, 5, ..; 2, 6, ..;
   3, 7, .. and so do their parameters. The loop addresses the first five members by their place. */
typedef struct {
    int32_t bias[4][4];
    int32_t multiplier[4][4];
    int32_t shift[4][4];
    int8_t low[LANES];
    int8_t high[LANES];
    int32_t offset;
    int32_t weights_tap; /* bytes from one tap to the next */
    int32_t input_step;  /* bytes from one place to the next */
    int32_t output_step;
    mve_pred16_t lanes;
} sixteen_channels;

#define WIDEN(even, odd)                  \
    "vmovlb.s16 q1, " even "\n\t"         \
    "vmovlt.s16 " even ", " even "\n\t"   \
    "vadd.i32 q4, q4, q1\n\t"             \
    "vmovlb.s16 q1, " odd "\n\t"          \
    "vadd.i32 q6, q6, " even "\n\t"       \
    "vmovlt.s16 " odd ", " odd "\n\t"     \
    "vadd.i32 q5, q5, q1\n\t"             \
    "vadd.i32 q7, q7, " odd "\n\t"

#define FIRST_TAP                         \
    "vldrb.8 q0, [%[x]]\n\t"              \
    "vldrb.8 q1, [%[w]]\n\t"              \
    "add %[x], %[xt]\n\t"                 \
    "add %[w], %[wt]\n\t"                 \
    "vmullb.s8 %q[r], q0, q1\n\t"         \
    "vmullt.s8 q0, q0, q1\n\t"

/* The inputs are loaded twice: four of the eight registers hold sums. */
#define SECOND_TAP                        \
    "vldrb.8 q1, [%[x]]\n\t"              \
    "vldrb.8 q3, [%[w]]\n\t"              \
    "add %[w], %[wt]\n\t"                 \
    "vmullb.s8 q1, q1, q3\n\t"            \
    "vadd.i16 %q[r], %q[r], q1\n\t"       \
    "vldrb.8 q1, [%[x]]\n\t"              \
    "add %[x], %[xt]\n\t"                 \
    "vmullt.s8 q1, q1, q3\n\t"            \
    "vadd.i16 q0, q0, q1\n\t"

#define SCALE(sums, multiplier, shift)                \
    "vldrw.32 q0, [%[c], #" multiplier "]\n\t"        \
    "vqrdmulh.s32 " sums ", " sums ", q0\n\t"         \
    "vldrw.32 q0, [%[c], #" shift "]\n\t"             \
    "vand q1, " sums ", q0\n\t"                       \
    "vshr.s32 q1, q1, #31\n\t"                        \
    "vqadd.s32 " sums ", " sums ", q1\n\t"            \
    "vrshl.s32 " sums ", " sums ", q0\n\t"            \
    "vadd.i32 " sums ", " sums ", %[offset]\n\t"

/* `places` places of one line. `input_tap` and `input_row` are bytes from one tap, and one row of taps, to the next. */
__attribute__((noinline)) static void line(const sixteen_channels *channels, const int8_t *input, int32_t input_tap,
                                           int32_t input_row, const int8_t *weights, int32_t rows, int32_t columns,
                                           int32_t places, int8_t *output)
{
    const int32_t pairs = columns >> 1, odd = columns & 1, to_next_row = input_row - columns * input_tap;
    do {
        const int8_t *x = input, *w = weights;
        int32_t left = rows;
        int8x16_t result;
        __asm("vldrw.32 q4, [%[c]]\n\t"
              "vldrw.32 q5, [%[c], #16]\n\t"
              "vldrw.32 q6, [%[c], #32]\n\t"
              "vldrw.32 q7, [%[c], #48]\n"
              "4:\n\t"
              "wls lr, %[pairs], 2f\n"
              "1:\n\t" FIRST_TAP SECOND_TAP WIDEN("%q[r]", "q0") "le lr, 1b\n"
              "2:\n\t"
              "cmp %[odd], #0\n\t"
              "beq 3f\n\t" FIRST_TAP WIDEN("%q[r]", "q0")
              "3:\n\t"
              "subs %[left], #1\n\t"
              "itt ne\n\t"
              "addne %[x], %[next]\n\t"
              "bne 4b\n\t"
              SCALE("q4", "64", "128") SCALE("q5", "80", "144") SCALE("q6", "96", "160") SCALE("q7", "112", "176")
              "vqmovnb.s32 q0, q4\n\t"
              "vqmovnt.s32 q0, q6\n\t"
              "vqmovnb.s32 q1, q5\n\t"
              "vqmovnt.s32 q1, q7\n\t"
              "vqmovnb.s16 %q[r], q0\n\t"
              "vqmovnt.s16 %q[r], q1\n\t"
              "vldrw.32 q0, [%[c], #192]\n\t"
              "vmax.s8 %q[r], %q[r], q0\n\t"
              "vldrw.32 q0, [%[c], #208]\n\t"
              "vmin.s8 %q[r], %q[r], q0"
              : [r] "=&w"(result), [x] "+r"(x), [w] "+r"(w), [left] "+r"(left)
              : [c] "r"(channels), [offset] "r"(channels->offset), [pairs] "r"(pairs), [odd] "r"(odd),
                [xt] "r"(input_tap), [wt] "r"(channels->weights_tap), [next] "r"(to_next_row)
              : "q0", "q1", "q3", "q4", "q5", "q6", "q7", "lr", "cc", "memory");
        vstrbq_p_s8(output, result, channels->lanes);
        input += channels->input_step;
        output += channels->output_step;
    } while (--places > 0);
}

static void set_channels(sixteen_channels *channels, const edgeacc_scaling *scaling, const int8_t *weights, int32_t taps,
                         int32_t stride, int32_t first, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        int32_t sum = 0;
        for (int32_t tap = 0; tap < taps; tap++) {
            sum += weights[tap * stride + i];
        }
        channels->bias[i % 4][i / 4] = scaling->bias[first + i] + scaling->input_offset * sum;
        channels->multiplier[i % 4][i / 4] = scaling->multiplier[first + i];
        channels->shift[i % 4][i / 4] = scaling->shift[first + i];
    }
    vst1q_s8(channels->low, vdupq_n_s8((int8_t)scaling->low));
    vst1q_s8(channels->high, vdupq_n_s8((int8_t)scaling->high));
    channels->lanes = vctp8q((uint32_t)count);
}

/* The inputs of one place, 16 bytes per tap. */
static void gather(const edgeacc_window *window, int8_t outside, mve_pred16_t lanes, const int8_t *input, int32_t top,
                   int32_t left, int8_t *to)
{
    for (int32_t row = 0; row < window->kernel_h; row++) {
        for (int32_t column = 0; column < window->kernel_w; column++, to += LANES) {
            const int32_t y = top + row * window->dilation_h, x = left + column * window->dilation_w;
            const int inside = y >= 0 && y < window->in_h && x >= 0 && x < window->in_w;
            const int8_t *from = input + (inside ? (y * window->in_w + x) * window->in_c : 0);
            vst1q_s8(to, inside ? vldrbq_z_s8(from, lanes) : vdupq_n_s8(outside));
        }
    }
}

/* One line of output: places with all 16 channels and all taps inside in one go, the others gathered one by one. */
static void output_line(const sixteen_channels *channels, const edgeacc_window *window, int32_t input_offset,
                        const int8_t *input, const int8_t *weights, int32_t y, int8_t *output)
{
    const int32_t top = y * window->stride_h - window->pad_h, last_row = (window->kernel_h - 1) * window->dilation_h;
    const int32_t bytes = window->in_c, line_bytes = window->in_w * bytes;
    const int in_place = channels->weights_tap == bytes && window->dilation_w == 1 && top >= 0 &&
                         top + last_row < window->in_h;
    for (int32_t x = 0, places; x < window->out_w; x += places, output += places * bytes) {
        const int32_t left = x * window->stride_w - window->pad_w;
        if (in_place && left >= 0 && left + window->kernel_w <= window->in_w) {
            const int32_t inside = (window->in_w - window->kernel_w - left) / window->stride_w + 1;
            places = edgeacc_least(inside, window->out_w - x);
            line(channels, input + top * line_bytes + left * bytes, bytes, window->dilation_h * line_bytes, weights,
                 window->kernel_h, window->kernel_w, places, output);
        } else {
            int8_t room[MOST_TAPS * LANES];
            places = 1;
            gather(window, (int8_t)-input_offset, channels->lanes, input, top, left, room);
            line(channels, room, LANES, window->kernel_w * LANES, weights, window->kernel_h, window->kernel_w, 1, output);
        }
    }
}

void edgeacc_depthwise_conv_2d(const edgeacc_window *window, const edgeacc_scaling *scaling, const int8_t *input,
                               const int8_t *weights, int8_t *output)
{
    const int32_t all = window->in_c, taps = window->kernel_h * window->kernel_w;
    if (all != window->out_c || taps > MOST_TAPS || !edgeacc_only_right(scaling->shift, all)) {
        edgeacc_depthwise_conv_2d_plain(window, scaling, input, weights, output);
        return;
    }
    const int32_t count = edgeacc_least(LANES, all);
    sixteen_channels channels = {.offset = scaling->output_offset,
                                 .weights_tap = count == LANES ? all : LANES,
                                 .input_step = window->stride_w * all,
                                 .output_step = all};
    int8_t few[MOST_TAPS * LANES];
    for (int32_t first = 0; first < all; first += LANES) {
        first = edgeacc_least(first, all - count); /* the last sixteen overlap those before */
        const int8_t *some = weights + first;
        set_channels(&channels, scaling, some, taps, all, first, count);
        if (count < LANES) {
            for (int32_t tap = 0; tap < taps; tap++) {
                vst1q_s8(few + tap * LANES, vldrbq_z_s8(some + tap * all, channels.lanes));
            }
            some = few;
        }
        for (int32_t y = 0; y < window->out_h; y++) {
            output_line(&channels, window, scaling->input_offset, input + first, some, y,
                        output + y * window->out_w * all + first);
        }
    }
}
#endif
