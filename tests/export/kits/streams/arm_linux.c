/* The kit's self-test as a static program of Linux on ARM without a C library: its exit code is 0 where it passed. */
#include "edgeacc_wrist.h"

void start(void);

static unsigned char memory[EDGEACC_SELF_TEST_BYTES] __attribute__((aligned(16)));
static edgeacc_wrist wrist;

void start(void)
{
    edgeacc_self_test found;
    const long code = edgeacc_wrist_self_test(&wrist, memory, sizeof memory, &found) ? 0 : 1;
#ifdef __aarch64__
    register long x8 __asm("x8") = 93, x0 __asm("x0") = code;
    __asm volatile("svc 0" : : "r"(x8), "r"(x0));
#else
    register long r7 __asm("r7") = 1, r0 __asm("r0") = code;
    __asm volatile("svc 0" : : "r"(r7), "r"(r0));
#endif
}

__asm(".global _start\n_start:\n\tbl start\n");
