/* The golden window of a watchOS kit through its C: prints the largest difference of the scores from training's. */
#include <stdio.h>
#include <stdlib.h>

#include "CEdge.h"

int main(void)
{
    const uint32_t samples = edgeacc_kit_samples();
    const float *raw = edgeacc_kit_golden_raw_g(), *golden = edgeacc_kit_golden_scores();
    const edgeacc_tables *tables = edgeacc_tables_at(edgeacc_kit_rate_hz());
    const edgeacc_config config = {tables, {{0, 1, 2}, {1, 1, 1}}, 1.0f, 16.0f, 64, -1};
    const uint32_t bytes = edgeacc_signal_bytes(&config);
    void *memory = malloc(bytes);
    float *z_T = malloc(samples * sizeof *z_T), most = 0;
    edgeacc_signal signal;
    if (!memory || !z_T || !edgeacc_signal_open(&signal, &config, memory, bytes)) {
        return 2;
    }
    for (uint32_t at = 0; at < samples; at++) {
        const float xyz[EDGEACC_AXES] = {raw[at], raw[samples + at], raw[2 * samples + at]};
        edgeacc_signal_push(&signal, (int64_t)at * 15625000, xyz);
    }
    for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
        edgeacc_signal_scores(&signal, axis, z_T);
        for (uint32_t at = 0; at < samples; at++) {
            const float off = z_T[at] - golden[axis * samples + at];
            most = off > most ? off : -off > most ? -off : most;
        }
    }
    printf("%d %g\n", (int)edgeacc_signal_verdict(&signal), (double)most);
    free(z_T);
    free(memory);
    return 0;
}
