/* SysTick stands for the sensor's interrupt; its vector is put into a table in RAM. */
#include "device_simulated.h"

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u) /* Armv7-M B3.3 */
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define VTOR (*(volatile uint32_t *)0xE000ED08u) /* Armv7-M B3.2.5 */
#define ENABLE_INTERRUPT_CORE_CLOCK 7u

enum { VECTORS = 16, SYSTICK = 15, TICK_CYCLES = 10000 };

static uint32_t vectors[VECTORS] __attribute__((aligned(128)));
static volatile uint32_t ticks;

static void on_tick(void) { ticks++; }

static void start_ticking(void)
{
    const uint32_t *from = (const uint32_t *)VTOR;
    for (uint32_t i = 0; i < VECTORS; i++) {
        vectors[i] = from[i];
    }
    vectors[SYSTICK] = (uint32_t)on_tick;
    VTOR = (uint32_t)vectors;
    __asm volatile("dsb\n\tisb" ::: "memory");
    SYST_RVR = TICK_CYCLES - 1u;
    SYST_CSR = ENABLE_INTERRUPT_CORE_CLOCK;
}

/* Interrupts are masked between the question and the sleep, so that none is slept through; WFI wakes all the same. */
void simulated_wait(void)
{
    if (VTOR != (uint32_t)vectors) {
        start_ticking();
    }
    __asm volatile("cpsid i" ::: "memory");
    while (ticks == 0) {
        __asm volatile("wfi\n\tcpsie i\n\tisb\n\tcpsid i" ::: "memory");
    }
    ticks = 0;
    __asm volatile("cpsie i" ::: "memory");
}
