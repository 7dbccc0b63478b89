/* Two places times two channels at a time: SMLAD makes two products, so 16 of them take 8 instructions. The inputs of two
   places are widened to halves once, and read for every pair of channels. */
#include "edgeacc_kernels.h"

#if defined(EDGEACC_SIMD)
#include "dsp/simd.h"

enum { MOST_TAPS = 1024 }; /* larger windows run in plain C: the widened inputs of two places take 4 KB of stack */

/* Four values of each place in turn, as (0, 2) (1, 3); what is left at the end singly, in whole words. */
static void widen_two(const int8_t *first, const int8_t *second, int32_t count, int32_t offset, uint32_t *to)
{
    const uint32_t both = edgeacc_twice(offset);
    for (; count >= 4; count -= 4, first += 4, second += 4, to += 4) {
        const uint32_t one = edgeacc_word(first), two = edgeacc_word(second);
        to[0] = edgeacc_even(both, one);
        to[1] = edgeacc_odd(both, one);
        to[2] = edgeacc_even(both, two);
        to[3] = edgeacc_odd(both, two);
    }
    for (; count > 0; count--, to += 2) {
        to[0] = (uint32_t)(*first++ + offset);
        to[1] = (uint32_t)(*second++ + offset);
    }
}

static void widen_one(const int8_t *from, int32_t count, int32_t offset, uint32_t *to)
{
    const uint32_t both = edgeacc_twice(offset);
    for (; count >= 4; count -= 4, from += 4, to += 2) {
        const uint32_t word = edgeacc_word(from);
        to[0] = edgeacc_even(both, word);
        to[1] = edgeacc_odd(both, word);
    }
    for (; count > 0; count--) {
        *to++ = (uint32_t)(*from++ + offset);
    }
}

#define CHANNEL_OF_TWO(weights, first, second)         \
    "ldr %[w], [%[" weights "]], #4\n\t"               \
    "sxtb16 %[v], %[w]\n\t"                            \
    "smlad %[" first "], %[xa], %[v], %[" first "]\n\t" \
    "smlad %[" second "], %[ya], %[v], %[" second "]\n\t" \
    "sxtb16 %[w], %[w], ror #8\n\t"                    \
    "smlad %[" first "], %[xb], %[w], %[" first "]\n\t" \
    "smlad %[" second "], %[yb], %[w], %[" second "]\n\t"

#define TWO_BY_TWO                        \
    "ldrd %[xa], %[xb], [%[x]], #8\n\t"   \
    "ldrd %[ya], %[yb], [%[x]], #8\n\t"   \
    CHANNEL_OF_TWO("w0", "x0", "y0") CHANNEL_OF_TWO("w1", "x1", "y1")

#define REGISTERS_OF_TWO                                                                                               \
    [x0] "+r"(x0), [x1] "+r"(x1), [y0] "+r"(y0), [y1] "+r"(y1), [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1),              \
        [xa] "=&r"(xa), [xb] "=&r"(xb), [ya] "=&r"(ya), [yb] "=&r"(yb), [w] "=&r"(w), [v] "=&r"(v)

/* sums[0, 1] of the first place, [2, 3] of the second. Gives where the second channel's weights end. */
static inline const int8_t *sums_of_two(const uint32_t *x, const int8_t *w0, const int8_t *w1, int32_t count,
                                        int32_t sums[4])
{
    int32_t x0 = sums[0], x1 = sums[1], y0 = sums[2], y1 = sums[3], eights = count >> 3;
    uint32_t xa, xb, ya, yb, w, v;
    if (eights > 0) {
        __asm("1:\n\t" TWO_BY_TWO TWO_BY_TWO "subs %[n], %[n], #1\n\tbne 1b"
              : REGISTERS_OF_TWO, [n] "+r"(eights)::"cc", "memory");
    }
    if (count & 4) {
        __asm(TWO_BY_TWO : REGISTERS_OF_TWO::"memory");
    }
    for (int32_t left = count & 3; left > 0; left--, x += 2) {
        const int32_t one = (int32_t)x[0], two = (int32_t)x[1], first = *w0++, second = *w1++;
        x0 += one * first;
        x1 += one * second;
        y0 += two * first;
        y1 += two * second;
    }
    sums[0] = x0;
    sums[1] = x1;
    sums[2] = y0;
    sums[3] = y1;
    return w1;
}

#define CHANNEL_OF_ONE(weights, sum)             \
    "ldr %[w], [%[" weights "]], #4\n\t"         \
    "sxtb16 %[v], %[w]\n\t"                      \
    "smlad %[" sum "], %[xa], %[v], %[" sum "]\n\t" \
    "sxtb16 %[w], %[w], ror #8\n\t"              \
    "smlad %[" sum "], %[xb], %[w], %[" sum "]\n\t"

/* Four channels of one place, whose weights lie `taps` bytes apart. */
static inline void sums_of_one(const uint32_t *x, const int8_t *w0, int32_t taps, int32_t sums[4])
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], fours = taps >> 2;
    const int8_t *w1 = w0 + taps, *w2 = w1 + taps, *w3 = w2 + taps;
    uint32_t xa, xb, w, v;
    if (fours > 0) {
        __asm("1:\n\t"
              "ldrd %[xa], %[xb], [%[x]], #8\n\t" CHANNEL_OF_ONE("w0", "s0") CHANNEL_OF_ONE("w1", "s1")
                  CHANNEL_OF_ONE("w2", "s2") CHANNEL_OF_ONE("w3", "s3") "subs %[n], %[n], #1\n\tbne 1b"
              : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1),
                [w2] "+r"(w2), [w3] "+r"(w3), [n] "+r"(fours), [xa] "=&r"(xa), [xb] "=&r"(xb), [w] "=&r"(w), [v] "=&r"(v)
              :: "cc", "memory");
    }
    for (int32_t left = taps & 3; left > 0; left--) {
        const int32_t value = (int32_t)*x++;
        s0 += value * *w0++;
        s1 += value * *w1++;
        s2 += value * *w2++;
        s3 += value * *w3++;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static int32_t low_half(uint32_t word) { return (int16_t)(word & 0xFFFFu); }

static int32_t sum_of_one(const uint32_t *x, const int8_t *weights, int32_t taps)
{
    int32_t sum = 0, tap = 0;
    for (; tap + 4 <= taps; tap += 4, x += 2, weights += 4) {
        sum += low_half(x[0]) * weights[0] + low_half(x[0] >> 16) * weights[2];
        sum += low_half(x[1]) * weights[1] + low_half(x[1] >> 16) * weights[3];
    }
    for (; tap < taps; tap++) {
        sum += (int32_t)*x++ * *weights++;
    }
    return sum;
}

/* What `edgeacc_quick` does not do: sums of two channels of two places, as `sums_of_two` leaves them. */
__attribute__((noinline)) static void write_slowly(const edgeacc_scaling *scaling, int32_t channel, int32_t channels,
                                                   const int32_t sums[4], int8_t *to)
{
    to[0] = edgeacc_output(scaling, sums[0], channel);
    to[1] = edgeacc_output(scaling, sums[1], channel + 1);
    to[channels] = edgeacc_output(scaling, sums[2], channel);
    to[channels + 1] = edgeacc_output(scaling, sums[3], channel + 1);
}

/* Pairs of channels, of `all` from `channel` on, of two places; not inlined, as the loop within takes all registers. */
__attribute__((noinline)) static void two_places(const edgeacc_scaling *scaling, int quick, int32_t channel,
                                                 int32_t pairs, int32_t all, const uint32_t *wide,
                                                 const int8_t *weights, int32_t taps, int8_t *output)
{
    const int32_t offset = 2 * scaling->output_offset + 1;
    weights += channel * taps;
    output += channel;
    for (; pairs > 0; pairs--, channel += 2, output += 2) {
        const int32_t *bias = scaling->bias + channel;
        int32_t sums[4] = {bias[0], bias[1], bias[0], bias[1]};
        weights = sums_of_two(wide, weights, weights + taps, taps, sums);
        if (quick) {
            const int32_t *multiplier = scaling->multiplier + channel, *shift = scaling->shift + channel;
            const int32_t factor = multiplier[0], next_factor = multiplier[1];
            const int32_t last_shift = ~shift[0], next_shift = ~shift[1];
            int8_t *next = output + all;
            output[0] = edgeacc_quick(sums[0], factor, last_shift, offset);
            output[1] = edgeacc_quick(sums[1], next_factor, next_shift, offset);
            next[0] = edgeacc_quick(sums[2], factor, last_shift, offset);
            next[1] = edgeacc_quick(sums[3], next_factor, next_shift, offset);
        } else {
            const int32_t copy[4] = {sums[0], sums[1], sums[2], sums[3]};
            write_slowly(scaling, channel, all, copy, output);
        }
    }
}

__attribute__((noinline)) static void one_place(const edgeacc_scaling *scaling, int quick, int32_t channels,
                                                const uint32_t *wide, const int8_t *weights, int32_t taps,
                                                int8_t *output)
{
    const int32_t offset = 2 * scaling->output_offset + 1;
    int32_t c = 0;
    for (; c + 4 <= channels; c += 4, weights += 4 * taps) {
        int32_t sums[4] = {scaling->bias[c], scaling->bias[c + 1], scaling->bias[c + 2], scaling->bias[c + 3]};
        sums_of_one(wide, weights, taps, sums);
        for (int32_t i = c; i < c + 4; i++) {
            output[i] = quick ? edgeacc_quick(sums[i - c], scaling->multiplier[i], ~scaling->shift[i], offset)
                              : edgeacc_output(scaling, sums[i - c], i);
        }
    }
    for (; c < channels; c++, weights += taps) {
        output[c] = edgeacc_output(scaling, scaling->bias[c] + sum_of_one(wide, weights, taps), c);
    }
}

void edgeacc_conv_2d(const edgeacc_window *window, const edgeacc_scaling *scaling, const int8_t *input,
                     const int8_t *weights, int8_t *output)
{
    const int32_t taps = window->kernel_h * window->kernel_w * window->in_c;
    const int32_t places = window->out_h * window->out_w, channels = window->out_c, offset = scaling->input_offset;
    if (taps > MOST_TAPS) {
        edgeacc_conv_2d_plain(window, scaling, input, weights, output);
        return;
    }
    const int quick = edgeacc_is_quick(scaling, channels, taps);
    uint32_t wide[taps + 3];
    int8_t rooms[2][taps];
    const int pointwise = taps == window->in_c && places == window->in_h * window->in_w && window->stride_h == 1 &&
                          window->stride_w == 1 && window->pad_h == 0 && window->pad_w == 0;
    int32_t y = 0, x = 0;
    for (int32_t place = 0, count; place < places; place += count, output += count * channels) {
        const int8_t *patches[2];
        count = channels > 1 ? edgeacc_least(2, places - place) : 1;
        for (int32_t i = 0; i < count; i++) {
            if (pointwise) {
                patches[i] = input + (place + i) * taps;
                continue;
            }
            patches[i] = edgeacc_patch(window, offset, input, y, x, rooms[i]);
            x = x + 1 < window->out_w ? x + 1 : 0;
            y += x == 0;
        }
        if (count == 2) {
            widen_two(patches[0], patches[1], taps, offset, wide);
            two_places(scaling, quick, 0, channels / 2, channels, wide, weights, taps, output);
            if (channels % 2 != 0) { /* the last channel, once more with the one before */
                two_places(scaling, quick, channels - 2, 1, channels, wide, weights, taps, output);
            }
        } else {
            widen_one(patches[0], taps, offset, wide);
            one_place(scaling, quick, channels, wide, weights, taps, output);
        }
    }
}
#endif
