/* What the author of a board writes: where the model and the arena lie, and how a job's bytes come and go. */
#ifndef EDGEACC_BOARD_H
#define EDGEACC_BOARD_H

#include <stdint.h>

/* The model, aligned to 16 bytes. */
const uint8_t *board_blob(void);

/* All memory that no one else uses, aligned to 16 bytes. */
uint8_t *board_arena(uint32_t *bytes);

/* Whether the next `bytes` of the job came. */
int board_read(void *to, uint32_t bytes);

/* Whether `bytes` of the result went out. */
int board_write(const void *from, uint32_t bytes);

/* Highest use of the stack so far; 0 where it is not known. */
uint32_t board_stack_bytes(void);

#endif
