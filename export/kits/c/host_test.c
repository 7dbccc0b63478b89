/* The self-test on a computer: prints what it found, and how long a window takes. */
#include <stdio.h>
#include <time.h>

#include "edgeacc_wrist.h"

enum { TIMES = 20 };

static unsigned char space[EDGEACC_SELF_TEST_BYTES + 16];

int main(void)
{
    edgeacc_wrist wrist;
    edgeacc_self_test found;
    unsigned char *memory = space + (16 - (uintptr_t)space % 16);
    const int passed = edgeacc_wrist_self_test(&wrist, memory, EDGEACC_SELF_TEST_BYTES, &found);
    printf("prepared window: at most %.2g standard scores from Python's (allowed %.2g)\n", (double)found.score_difference,
           (double)EDGEACC_SCORE_TOLERANCE);
    printf("encoder: %u of %d bytes wrong on the golden input\n", (unsigned)found.wrong_bytes, EDGEACC_EMBEDDING);
    printf("from samples to embedding: at most %.0f steps of int8 from the golden one\n",
           (double)found.embedding_difference);
    if (passed) {
        float embedding[EDGEACC_EMBEDDING];
        const clock_t start = clock();
        for (int time = 0; time < TIMES; time++) {
            (void)edgeacc_wrist_embed(&wrist, embedding);
        }
        const double ms = 1e3 * (double)(clock() - start) / CLOCKS_PER_SEC / TIMES;
        printf("from a whole window to its embedding: %.2f ms here\n", ms);
    }
    printf("self-test %s\n", passed ? "passed" : "FAILED");
    return passed ? 0 : 1;
}
