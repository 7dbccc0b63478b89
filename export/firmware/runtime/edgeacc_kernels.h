/* The kernels of the runtime, int8 in and out, channels last, with the arithmetic of TFLite's reference kernels.
   Plain C runs everywhere; where the core has SIMD (EDGEACC_SIMD) or Helium (__ARM_FEATURE_MVE) another body takes
   the same name, with the same results to the last bit. The caller has checked every shape and pointer. */
#ifndef EDGEACC_KERNELS_H
#define EDGEACC_KERNELS_H

#include <stdint.h>

/* Of the M profile: 32-bit application cores say __ARM_FEATURE_DSP too, but have other registers to spare. */
#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE) && __ARM_ARCH_PROFILE == 'M'
#define EDGEACC_SIMD
#endif

/* From the sum of products to an int8 value: per channel, sum x multiplier x 2^(shift - 31), rounded, plus the offset. */
typedef struct {
    int32_t input_offset;  /* minus the zero point of the input */
    int32_t output_offset; /* the zero point of the output */
    int32_t low, high;     /* limits of the output, within -128 to 127 */
    int32_t rounds_once;   /* as TFLite does for FULLY_CONNECTED; else twice, as for convolutions */
    const int32_t *bias;
    const int32_t *multiplier; /* 2^30 to 2^31 - 1 */
    const int32_t *shift;      /* -31 to 30 */
} edgeacc_scaling;

/* A convolution over one image. Places outside the image count as zero. */
typedef struct {
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_h, pad_w; /* above and left of the image */
} edgeacc_window;

/* Weights (out_c, kernel_h, kernel_w, in_c), each in -127 to 127. A fully connected layer is a window of 1 x 1. */
void edgeacc_conv_2d(const edgeacc_window *window, const edgeacc_scaling *scaling, const int8_t *input,
                     const int8_t *weights, int8_t *output);

/* Weights (kernel_h, kernel_w, out_c), each in -127 to 127; out_c is a multiple of in_c. */
void edgeacc_depthwise_conv_2d(const edgeacc_window *window, const edgeacc_scaling *scaling, const int8_t *input,
                               const int8_t *weights, int8_t *output);

/* The bodies in plain C, which the others use for rare shapes. */
void edgeacc_conv_2d_plain(const edgeacc_window *window, const edgeacc_scaling *scaling, const int8_t *input,
                           const int8_t *weights, int8_t *output);
void edgeacc_depthwise_conv_2d_plain(const edgeacc_window *window, const edgeacc_scaling *scaling, const int8_t *input,
                                     const int8_t *weights, int8_t *output);

/* The inputs of one output place in one piece, `kernel_h x kernel_w x in_c` bytes, the zero point outside the image:
   where they lie, if they lie so, else gathered into `room`. */
const int8_t *edgeacc_patch(const edgeacc_window *window, int32_t input_offset, const int8_t *input, int32_t y, int32_t x,
                            int8_t *room);

/* TFLite's MultiplyByQuantizedMultiplier: a rounding doubling high product, then a shift that rounds half away from 0. */
static inline int32_t edgeacc_scaled(int32_t sum, int32_t multiplier, int32_t shift)
{
    const int32_t scaled = shift > 0 ? (int32_t)((uint32_t)sum << shift) : sum;
    const int32_t high = (int32_t)(((int64_t)scaled * multiplier + (1 << 30)) >> 31);
    if (shift >= 0) {
        return high;
    }
    const int32_t mask = (int32_t)((1u << -shift) - 1u);
    return (high >> -shift) + ((high & mask) > (mask >> 1) + (high < 0));
}

/* The same in one rounding, half up. */
static inline int32_t edgeacc_scaled_once(int32_t sum, int32_t multiplier, int32_t shift)
{
    return (int32_t)(((int64_t)sum * multiplier + ((int64_t)1 << (30 - shift))) >> (31 - shift));
}

/* A value plus the zero point of the output, within its limits; a sum that leaves 32 bits wraps. */
static inline int8_t edgeacc_limited(int32_t value, int32_t offset, int32_t low, int32_t high)
{
    const int32_t moved = (int32_t)((uint32_t)value + (uint32_t)offset);
    return (int8_t)(moved < low ? low : moved > high ? high : moved);
}

static inline int8_t edgeacc_output(const edgeacc_scaling *scaling, int32_t sum, int32_t channel)
{
    const int32_t multiplier = scaling->multiplier[channel], shift = scaling->shift[channel];
    const int32_t value = scaling->rounds_once ? edgeacc_scaled_once(sum, multiplier, shift)
                                               : edgeacc_scaled(sum, multiplier, shift);
    return edgeacc_limited(value, scaling->output_offset, scaling->low, scaling->high);
}

static inline int32_t edgeacc_least(int32_t a, int32_t b) { return a < b ? a : b; }

static inline int32_t edgeacc_most(int32_t a, int32_t b) { return a > b ? a : b; }

#endif
