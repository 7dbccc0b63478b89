/* A stream through the C core: `stream STRIDE_S`, with the tables `stream_tables`. In: per sample its time (ns, 64 bits) and
   x y z (g, floats). Out: per sample a byte, what was done; then, of a window that is due, a byte 100 + verdict, its motion
   (mg) and its scores (3, T), floats. The machine's byte order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgeacc_signal.h"

extern const edgeacc_tables stream_tables;

int main(int count, char **words)
{
    const float stride = count == 2 ? strtof(words[1], 0) * (float)stream_tables.rate_mhz / 1000.0f + 0.5f : 0;
    const edgeacc_config config = {&stream_tables, {{0, 1, 2}, {1, 1, 1}}, 1.0f, 8.0f, (uint32_t)stride, -1};
    const uint32_t bytes = edgeacc_signal_bytes(&config);
    edgeacc_signal signal;
    void *memory = malloc(bytes);
    float *z_T = malloc(stream_tables.samples * sizeof *z_T);
    unsigned char sample[20];
    if (!memory || !z_T || !edgeacc_signal_open(&signal, &config, memory, bytes)) {
        return 2;
    }
    while (fread(sample, sizeof sample, 1, stdin) == 1) {
        int64_t t_ns;
        float xyz[EDGEACC_AXES];
        memcpy(&t_ns, sample, sizeof t_ns);
        memcpy(xyz, sample + sizeof t_ns, sizeof xyz);
        putchar((int)edgeacc_signal_push(&signal, t_ns, xyz));
        if (edgeacc_signal_due(&signal)) {
            const float motion_mg = edgeacc_signal_motion_mg(&signal);
            putchar(100 + (int)edgeacc_signal_verdict(&signal));
            fwrite(&motion_mg, sizeof motion_mg, 1, stdout);
            for (uint32_t axis = 0; axis < EDGEACC_AXES; axis++) {
                edgeacc_signal_scores(&signal, axis, z_T);
                fwrite(z_T, sizeof *z_T, stream_tables.samples, stdout);
            }
        }
    }
    free(z_T);
    free(memory);
    return 0;
}
