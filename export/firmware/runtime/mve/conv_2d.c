/* Four channels of one place at a time, 16 products per VMLADAVA. It multiplies the inputs as they are: what their offset
   adds is the same at every place, so it goes into the bias, 64 channels at a time. */
#include "edgeacc_kernels.h"

#if defined(__ARM_FEATURE_MVE)
#include "mve/finish.h"

enum {
    MOST_GATHERED = 2048, /* bytes of stack; larger windows that are not one piece of input run in plain C */
    MOST_CHANNELS = 64
};

#define CHANNEL(vector, weights, sum)              \
    "vldrb.8 " vector ", [%[" weights "]], #16\n\t" \
    "vmladava.s8 %[" sum "], q0, " vector "\n\t"

/* What the offset adds to four channels whose weights lie `taps` bytes apart. */
static inline void weight_sums(const int8_t *w0, int32_t taps, int32_t sums[4])
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    const int8_t *w1 = w0 + taps, *w2 = w1 + taps, *w3 = w2 + taps;
    __asm("vmov.i8 q0, #1\n\t"
          "wlstp.8 lr, %[n], 2f\n1:\n\t" CHANNEL("q1", "w0", "s0") CHANNEL("q2", "w1", "s1") CHANNEL("q3", "w2", "s2")
              CHANNEL("q1", "w3", "s3") "letp lr, 1b\n2:"
          : [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [s0] "+Te"(s0), [s1] "+Te"(s1), [s2] "+Te"(s2),
            [s3] "+Te"(s3)
          : [n] "r"(taps)
          : "q0", "q1", "q2", "q3", "lr", "memory");
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static int32_t weight_sum(const int8_t *weights, int32_t taps)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < taps; i++) {
        sum += weights[i];
    }
    return sum;
}

static void fold_offset(const edgeacc_scaling *scaling, int32_t first, int32_t channels, const int8_t *weights,
                        int32_t taps, int32_t *bias)
{
    int32_t c = 0;
    for (; c + 4 <= channels; c += 4) {
        int32_t sums[4];
        weight_sums(weights + c * taps, taps, sums);
        for (int32_t i = 0; i < 4; i++) {
            bias[c + i] = scaling->bias[first + c + i] + scaling->input_offset * sums[i];
        }
    }
    for (; c < channels; c++) {
        bias[c] = scaling->bias[first + c] + scaling->input_offset * weight_sum(weights + c * taps, taps);
    }
}

/* Four channels of one place. */
static inline __attribute__((always_inline)) void four_sums(const int8_t *x, const int8_t *w0, int32_t taps,
                                                            const int32_t *bias, int32_t sums[4])
{
    const int8_t *w1 = w0 + taps, *w2 = w1 + taps, *w3 = w2 + taps;
    int32_t s0 = bias[0], s1 = bias[1], s2 = bias[2], s3 = bias[3];
    __asm("wlstp.8 lr, %[n], 2f\n1:\n\t"
          "vldrb.8 q0, [%[x]], #16\n\t" CHANNEL("q1", "w0", "s0") CHANNEL("q2", "w1", "s1") CHANNEL("q3", "w2", "s2")
              CHANNEL("q1", "w3", "s3") "letp lr, 1b\n2:"
          : [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [s0] "+Te"(s0), [s1] "+Te"(s1),
            [s2] "+Te"(s2), [s3] "+Te"(s3)
          : [n] "r"(taps)
          : "q0", "q1", "q2", "q3", "lr", "memory");
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static int32_t one_sum(const int8_t *x, const int8_t *w0, int32_t taps, int32_t s0)
{
    __asm("wlstp.8 lr, %[n], 2f\n1:\n\t"
          "vldrb.8 q0, [%[x]], #16\n\t" CHANNEL("q1", "w0", "s0") "letp lr, 1b\n2:"
          : [x] "+r"(x), [w0] "+r"(w0), [s0] "+Te"(s0)
          : [n] "r"(taps)
          : "q0", "q1", "lr", "memory");
    return s0;
}

/* One place, channels four by four from `first` on; how many it did. */
__attribute__((noinline)) static int32_t fours(const edgeacc_scaling *scaling, const int8_t *input,
                                               const int8_t *weights, int32_t taps, const int32_t *bias, int32_t first,
                                               int32_t channels, int8_t *output)
{
    const int32x4_t low = vdupq_n_s32(scaling->low), high = vdupq_n_s32(scaling->high);
    const int32_t *multiplier = scaling->multiplier + first, *shift = scaling->shift + first;
    const int32_t offset = scaling->output_offset;
    int32_t left = channels;
    for (; left >= 4; left -= 4, weights += 4 * taps, bias += 4, multiplier += 4, shift += 4, output += 4) {
        int32_t four[4];
        four_sums(input, weights, taps, bias, four);
        int32x4_t sums = vdupq_n_s32(four[0]);
        sums = vsetq_lane_s32(four[1], sums, 1);
        sums = vsetq_lane_s32(four[2], sums, 2);
        sums = vsetq_lane_s32(four[3], sums, 3);
        sums = edgeacc_scaled_four(sums, vldrwq_s32(multiplier), vldrwq_s32(shift));
        vstrbq_s32(output, vminq_s32(vmaxq_s32(vaddq_n_s32(sums, offset), low), high));
    }
    return channels - left;
}

/* The same where sums are rounded once, which Helium has no instruction for. */
__attribute__((noinline)) static int32_t fours_once(const edgeacc_scaling *scaling, const int8_t *input,
                                                    const int8_t *weights, int32_t taps, const int32_t *bias,
                                                    int32_t first, int32_t channels, int8_t *output)
{
    int32_t c = 0;
    for (; c + 4 <= channels; c += 4) {
        int32_t four[4];
        four_sums(input, weights + c * taps, taps, bias + c, four);
        for (int32_t i = 0; i < 4; i++) {
            output[c + i] = edgeacc_output(scaling, four[i], first + c + i);
        }
    }
    return c;
}

static void one_place(const edgeacc_scaling *scaling, const int8_t *input, const int8_t *weights, int32_t taps,
                      const int32_t *bias, int32_t first, int32_t channels, int8_t *output)
{
    int32_t c = (scaling->rounds_once ? fours_once : fours)(scaling, input, weights, taps, bias, first, channels, output);
    for (; c < channels; c++) {
        output[c] = edgeacc_output(scaling, one_sum(input, weights + c * taps, taps, bias[c]), first + c);
    }
}

static int is_one_piece(const edgeacc_window *window)
{
    return window->kernel_h == 1 && window->kernel_w == 1 && window->pad_h == 0 && window->pad_w == 0;
}

void edgeacc_conv_2d(const edgeacc_window *window, const edgeacc_scaling *scaling, const int8_t *input,
                     const int8_t *weights, int8_t *output)
{
    const int32_t taps = window->kernel_h * window->kernel_w * window->in_c;
    const int32_t gathered = is_one_piece(window) ? 1 : taps;
    if (gathered > MOST_GATHERED || !edgeacc_only_right(scaling->shift, window->out_c)) {
        edgeacc_conv_2d_plain(window, scaling, input, weights, output);
        return;
    }
    int8_t room[gathered];
    int32_t bias[MOST_CHANNELS];
    for (int32_t first = 0; first < window->out_c; first += MOST_CHANNELS) {
        const int32_t channels = edgeacc_least(MOST_CHANNELS, window->out_c - first);
        const int8_t *some = weights + first * taps;
        fold_offset(scaling, first, channels, some, taps, bias);
        for (int32_t y = 0; y < window->out_h; y++) {
            for (int32_t x = 0; x < window->out_w; x++) {
                const int8_t *patch = edgeacc_patch(window, scaling->input_offset, input, y, x, room);
                one_place(scaling, patch, some, taps, bias, first, channels,
                          output + (y * window->out_w + x) * window->out_c + first);
            }
        }
    }
}
#endif
