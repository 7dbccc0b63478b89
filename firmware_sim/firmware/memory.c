/* The only functions of the C library that the runtime calls, so that an image needs none. Words where there are whole
   ones: Cortex-M cores from the M3 on read and write them at any address. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

typedef uint32_t __attribute__((may_alias, aligned(1))) word;

/* gcc is told by an option not to make a loop of them into a call of themselves. */
#if defined(__clang__)
#define NOT_ITSELF __attribute__((no_builtin("memcpy", "memset")))
#else
#define NOT_ITSELF
#endif

NOT_ITSELF void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    for (; bytes >= 16; bytes -= 16, t += 16, f += 16) {
        const uint32_t a = ((const word *)f)[0], b = ((const word *)f)[1];
        const uint32_t c = ((const word *)f)[2], d = ((const word *)f)[3];
        ((word *)t)[0] = a;
        ((word *)t)[1] = b;
        ((word *)t)[2] = c;
        ((word *)t)[3] = d;
    }
    for (; bytes >= 4; bytes -= 4, t += 4, f += 4) {
        *(word *)t = *(const word *)f;
    }
    for (; bytes > 0; bytes--) {
        *t++ = *f++;
    }
    return to;
}

NOT_ITSELF void *memset(void *to, int value, size_t bytes)
{
    uint8_t *t = to;
    const uint32_t four = (uint32_t)(uint8_t)value * 0x01010101u;
    for (; bytes >= 16; bytes -= 16, t += 16) {
        ((word *)t)[0] = four;
        ((word *)t)[1] = four;
        ((word *)t)[2] = four;
        ((word *)t)[3] = four;
    }
    for (; bytes > 0; bytes--) {
        *t++ = (uint8_t)value;
    }
    return to;
}
