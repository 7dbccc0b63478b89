/* Reset of a Cortex-M: the vector table, memory as C expects it, the floating-point and vector unit switched on. */
#include "start.h"

#include "harness.h"

#include <stdint.h>

#define CPACR (*(volatile uint32_t *)0xE000ED88u) /* coprocessor access control, Armv7-M B3.2.20 */
#define CP10_CP11_FULL (0xFu << 20)

extern uint32_t __data_start[], __data_end[], __bss_start[], __bss_end[], __stack_limit[], __stack_top[];
extern const uint32_t __data_load[];

__attribute__((noreturn, used)) static void start(void)
{
    CPACR |= CP10_CP11_FULL;
    __asm volatile("dsb\n\tisb" ::: "memory");
    const uint32_t *from = __data_load;
    for (uint32_t *to = __data_start; to < __data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = __bss_start; to < __bss_end; to++) {
        *to = 0;
    }
    board_exit(harness_run());
}

void reset(void);

/* In assembly, as it writes the stack that a C function would be using. */
__attribute__((naked, noreturn)) void reset(void)
{
    __asm volatile(
        "ldr r0, =__stack_limit\n\t"
        "ldr r1, =__stack_top\n\t"
        "ldr r2, =0xA5A5A5A5\n"
        "1:\n\t"
        "cmp r0, r1\n\t"
        "it lo\n\t"
        "strlo r2, [r0], #4\n\t"
        "blo 1b\n\t"
        "b start\n\t"
        ".ltorg");
}

static void fault(void) { board_exit(START_FAULT); }

typedef void (*vector)(void);

typedef struct {
    uint32_t *stack;
    vector entries[15];
} vector_table;

__attribute__((section(".vectors"), used)) static const vector_table vectors = {
    __stack_top,
    {(vector)reset, fault, fault, fault, fault, fault, fault, 0, 0, 0, fault, fault, 0, fault, fault},
};
