/* Any bytes as a model blob: the checksum is made right, so that what lies behind it is reached; then opened and run. */
#include "edgeacc_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 16384, CHECKSUM_AT = 12, CHECKED_FROM = 16 };

static int opened;

static void seal(uint8_t *blob, size_t size)
{
    const uint32_t bytes = (uint32_t)size;
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = CHECKED_FROM; i < size; i++) {
        crc ^= blob[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1u)));
        }
    }
    crc = ~crc;
    memcpy(blob + 8, &bytes, 4);
    memcpy(blob + CHECKSUM_AT, &crc, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *content, size_t size)
{
    void *blob = 0, *arena = 0; /* of exactly these sizes, so that a read behind them is seen */
    if (size == 0 || posix_memalign(&blob, 16, size) != 0 || posix_memalign(&arena, 16, ARENA_BYTES) != 0) {
        free(blob);
        return 0;
    }
    memcpy(blob, content, size);
    if (size >= CHECKED_FROM) {
        seal(blob, size);
    }
    memset(arena, 1, ARENA_BYTES);
    edgeacc_model model;
    if (edgeacc_model_open(&model, blob, (uint32_t)size, arena, ARENA_BYTES) == EDGEACC_OK) {
        opened++;
        edgeacc_model_run(&model);
    }
    free(blob);
    free(arena);
    return 0;
}

#ifdef REPLAY
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        static uint8_t content[1 << 20];
        const size_t size = file == 0 ? 0 : fread(content, 1, sizeof content, file);
        if (file == 0 || fclose(file) != 0) {
            return 9;
        }
        LLVMFuzzerTestOneInput(content, size);
    }
    printf("%d", opened);
    return 0;
}
#endif
