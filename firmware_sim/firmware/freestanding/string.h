/* For compilers that come without a C library: what `memory.c` has. */
#ifndef EDGEACC_STRING_H
#define EDGEACC_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

#endif
