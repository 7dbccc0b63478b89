/* A recording through the kit: `recording RATE_HZ RANGE_G STRIDE_S < samples.csv`, one line `t_ns,x,y,z` (g) per sample.
   Prints one line per window: its end, what was judged of it, and its heart rate or its embedding. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgeacc_wrist.h"
#include "tables.h"

static const char *const VERDICTS[] = {"use", "saturated", "frozen", "motion", "off wrist", "not due"};
static const char *const TAKEN[] = {"taken", "missing", "duplicate", "clock", "gap", "rate"};

static int fail(const char *problem, const char *value)
{
    fprintf(stderr, "recording: %s%s%s\n", problem, value ? ": " : "", value ? value : "");
    return 2;
}

static void tell(edgeacc_wrist *wrist, int64_t t_ns)
{
    float embedding[EDGEACC_EMBEDDING];
    const edgeacc_verdict verdict = edgeacc_wrist_embed(wrist, embedding);
    printf("%" PRId64 ",%s", t_ns, VERDICTS[verdict]);
    if (verdict == EDGEACC_USE) {
#if EDGEACC_HAS_PROBE
        printf(",%.2f", (double)edgeacc_wrist_heart_rate_bpm(embedding));
#endif
        for (int at = 0; at < EDGEACC_EMBEDDING; at++) {
            printf(",%.9g", (double)embedding[at]);
        }
    }
    printf("\n");
}

int main(int count, char **words)
{
    char line[256], rest;
    long number = 0;
    edgeacc_wrist wrist;
    if (count != 4) {
        return fail("usage: recording RATE_HZ RANGE_G STRIDE_S < samples.csv", 0);
    }
    const edgeacc_tables *tables = edgeacc_tables_at(strtof(words[1], 0));
    if (tables == 0) {
        return fail("no tables for this rate; valid: " EDGEACC_RATES, words[1]);
    }
    const edgeacc_config config = edgeacc_wrist_config(tables, strtof(words[2], 0), strtof(words[3], 0));
    const uint32_t bytes = edgeacc_wrist_bytes(&config);
    if (bytes == 0) {
        return fail("not possible: a range above 0 g, a stride from 1 s", 0);
    }
    unsigned char *memory = malloc(bytes + 16);
    if (memory == 0) {
        return fail("no memory", 0);
    }
    if (edgeacc_wrist_open(&wrist, &config, memory + (16 - (uintptr_t)memory % 16), bytes) != EDGEACC_WRIST_OPEN) {
        free(memory);
        return fail("cannot be opened", 0);
    }
    while (fgets(line, sizeof line, stdin)) {
        int64_t t_ns;
        float xyz[EDGEACC_AXES];
        number++;
        if (sscanf(line, "%" SCNd64 ",%f,%f,%f %c", &t_ns, &xyz[0], &xyz[1], &xyz[2], &rest) != 4) {
            line[strcspn(line, "\r\n")] = 0;
            fprintf(stderr, "recording: line %ld is no t_ns,x,y,z: %s\n", number, line);
            free(memory);
            return 2;
        }
        const edgeacc_taken taken = edgeacc_wrist_push(&wrist, t_ns, xyz);
        if (taken != EDGEACC_TAKEN) {
            fprintf(stderr, "recording: line %ld: %s\n", number, TAKEN[taken]);
        }
        if (edgeacc_wrist_due(&wrist)) {
            tell(&wrist, t_ns);
        }
    }
    free(memory);
    return 0;
}
