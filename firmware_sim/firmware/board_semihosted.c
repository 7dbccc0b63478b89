/* Emulated Cortex-M boards: the linker script says where memory lies, the debugger's semihosting carries the files
   `job.bin` and `result.bin` (Arm, "Semihosting for AArch32 and AArch64"). */
#include "board.h"
#include "harness.h"
#include "start.h"

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { MODE_RB = 1, MODE_WB = 5 };
#define STOPPED_BY_APPLICATION 0x20026u

extern const uint8_t __blob[];
extern uint8_t __arena[], __arena_end[];
extern uint32_t __stack_limit[], __stack_top[];

static int call(int operation, const void *block)
{
    register int r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = block;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static int open_file(const char *name, uint32_t mode, uint32_t length)
{
    const uint32_t block[3] = {(uint32_t)name, mode, length};
    return call(SYS_OPEN, block);
}

const uint8_t *board_blob(void) { return __blob; }

uint8_t *board_arena(uint32_t *bytes)
{
    *bytes = (uint32_t)(__arena_end - __arena);
    return __arena;
}

static int transfer(int operation, int *file, const void *memory, uint32_t bytes)
{
    if (*file < 0) {
        *file = operation == SYS_READ ? open_file("job.bin", MODE_RB, 7) : open_file("result.bin", MODE_WB, 10);
    }
    const uint32_t block[3] = {(uint32_t)*file, (uint32_t)memory, bytes};
    return *file >= 0 && call(operation, block) == 0; /* the answer is how many bytes were not moved */
}

int board_read(void *to, uint32_t bytes)
{
    static int file = -1;
    return bytes == 0 || transfer(SYS_READ, &file, to, bytes);
}

int board_write(const void *from, uint32_t bytes)
{
    static int file = -1;
    return bytes == 0 || transfer(SYS_WRITE, &file, from, bytes);
}

uint32_t board_stack_bytes(void)
{
    const uint32_t *lowest = __stack_limit;
    while (lowest < __stack_top && *lowest == START_PAINT) {
        lowest++;
    }
    return (uint32_t)((const uint8_t *)__stack_top - (const uint8_t *)lowest);
}

void board_exit(int code)
{
    const uint32_t block[2] = {STOPPED_BY_APPLICATION, (uint32_t)code};
    for (;;) {
        call(SYS_EXIT_EXTENDED, block);
    }
}
