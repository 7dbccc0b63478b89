/* What the kernels for cores with the DSP extension share (Armv7E-M, Armv8-M with DSP: Cortex-M4, M7, M33). */
#ifndef EDGEACC_SIMD_H
#define EDGEACC_SIMD_H

#include "edgeacc_kernels.h"

/* The offset of the input in both halves of a word. */
static inline uint32_t edgeacc_twice(int32_t offset) { return ((uint32_t)offset & 0xFFFFu) * 0x10001u; }

static inline uint32_t edgeacc_word(const int8_t *from)
{
    uint32_t word;
    __builtin_memcpy(&word, from, 4);
    return word;
}

/* Bytes 0 and 2, and bytes 1 and 3, sign-extended to halves and added to those of `offset`. */
static inline uint32_t edgeacc_even(uint32_t offset, uint32_t word)
{
    uint32_t halves;
    __asm("sxtab16 %0, %1, %2" : "=r"(halves) : "r"(offset), "r"(word));
    return halves;
}

static inline uint32_t edgeacc_odd(uint32_t offset, uint32_t word)
{
    uint32_t halves;
    __asm("sxtab16 %0, %1, %2, ror #8" : "=r"(halves) : "r"(offset), "r"(word));
    return halves;
}

/* Whether `edgeacc_quick` gives what `edgeacc_output` gives, for sums of `taps` products (each below 255 x 128). */
static inline int edgeacc_is_quick(const edgeacc_scaling *scaling, int32_t channels, int32_t taps)
{
    const int32_t room = (1 << 30) - 1 - taps * 32640;
    if (scaling->rounds_once || taps > 16384 || scaling->low != -128 || scaling->high != 127) {
        return 0;
    }
    for (int32_t i = 0; i < channels; i++) {
        if (scaling->shift[i] >= 0 || scaling->bias[i] > room || scaling->bias[i] < -room) {
            return 0;
        }
    }
    return 1;
}

/* `edgeacc_output` for a shift below 0, the full range of int8, and a sum within 2^30. SMMULR of twice the sum is the
   rounding doubling high product; less one where that is negative, rounding half up is rounding half away from zero.
   `last_shift` is -shift - 1, `offset` is 2 output_offset + 1: a half, and the offset, before the last bit goes. */
static inline int8_t edgeacc_quick(int32_t sum, int32_t multiplier, int32_t last_shift, int32_t offset)
{
    int32_t value;
    __asm("smmulr %0, %1, %2" : "=r"(value) : "r"((int32_t)((uint32_t)sum << 1)), "r"(multiplier));
    value += value >> 31;
    value = (value >> last_shift) + offset;
    __asm("ssat %0, #8, %1, asr #1" : "=r"(value) : "r"(value));
    return (int8_t)value;
}

#endif
