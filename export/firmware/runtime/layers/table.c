/* Any function of one int8 value: 256 results, that of -128 first. Input and output may be the same memory. */
#include "edgeacc_layers.h"

typedef struct {
    edgeacc_place input, output;
    int32_t count;
    edgeacc_place results;
} parameters;

static int check(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    return edgeacc_readable(model, p->input, p->count) && edgeacc_writable(model, p->output, p->count) &&
           edgeacc_readable(model, p->results, 256) &&
           (p->input == p->output || edgeacc_apart(p->input, p->count, p->output, p->count));
}

static void run(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const int8_t *input = edgeacc_read(model, p->input), *results = edgeacc_read(model, p->results) + 128;
    int8_t *output = edgeacc_write(model, p->output);
    for (int32_t i = 0; i < p->count; i++) {
        output[i] = results[input[i]];
    }
}

const edgeacc_kernel edgeacc_kernel_table = {sizeof(parameters) / 4, check, run};
