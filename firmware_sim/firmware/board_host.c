/* The harness as a program of this machine: `program MODEL JOB RESULT`. */
#include "board.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 1 << 26 };

static uint8_t *blob, *arena;
static FILE *job, *result;

const uint8_t *board_blob(void) { return blob; }

uint8_t *board_arena(uint32_t *bytes)
{
    *bytes = ARENA_BYTES;
    return arena;
}

int board_read(void *to, uint32_t bytes) { return fread(to, 1, bytes, job) == bytes; }

int board_write(const void *from, uint32_t bytes) { return fwrite(from, 1, bytes, result) == bytes; }

uint32_t board_stack_bytes(void) { return 0; }

static uint8_t *read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        return NULL;
    }
    const long size = ftell(file);
    rewind(file);
    uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;
    const int whole = bytes != NULL && fread(bytes, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    return whole ? bytes : NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        return HARNESS_NO_JOB;
    }
    blob = read_whole(argv[1]);
    arena = malloc(ARENA_BYTES);
    job = fopen(argv[2], "rb");
    result = fopen(argv[3], "wb");
    if (blob == NULL || arena == NULL || job == NULL || result == NULL) {
        return HARNESS_NO_JOB;
    }
    const int code = harness_run();
    const int closed = fclose(result) == 0;
    fclose(job);
    free(blob);
    free(arena);
    return code != HARNESS_OK || closed ? code : HARNESS_NOT_WRITTEN;
}
