/* What the kernels for Helium share (Armv8.1-M MVE with integers: Cortex-M55). */
#ifndef EDGEACC_FINISH_H
#define EDGEACC_FINISH_H

#include "edgeacc_kernels.h"

#include <arm_mve.h>

/* Helium shifts right by a negative count, as TFLite means it; a shift to the left is rare and left to plain C. */
static inline int edgeacc_only_right(const int32_t *shift, int32_t channels)
{
    for (int32_t i = 0; i < channels; i++) {
        if (shift[i] > 0) {
            return 0;
        }
    }
    return 1;
}

/* Four sums scaled as edgeacc_scaled does. VRSHL rounds half up: one less where negative makes it half away from zero,
   and a shift of 0 takes nothing away. */
static inline int32x4_t edgeacc_scaled_four(int32x4_t sums, int32x4_t multiplier, int32x4_t shift)
{
    const int32x4_t high = vqrdmulhq_s32(sums, multiplier);
    const int32x4_t less = vshrq_n_s32(vandq_s32(high, shift), 31);
    return vrshlq_s32(vqaddq_s32(high, less), shift);
}

#endif
