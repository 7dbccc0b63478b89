/* Between the start-up code, which any Cortex-M can use, and a board. */
#ifndef EDGEACC_START_H
#define EDGEACC_START_H

#define START_PAINT 0xA5A5A5A5u /* of stack that nobody has written */
#define START_FAULT 98          /* the exit code of a fault */

__attribute__((noreturn)) void board_exit(int code);

#endif
