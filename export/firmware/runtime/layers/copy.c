/* TRANSPOSE, SLICE, STRIDED_SLICE, CONCATENATION (one for each part), PAD (after filling): bytes from strides to strides. */
#include "edgeacc_layers.h"

#include <string.h>

enum { DIMENSIONS = 5 };

typedef struct {
    edgeacc_place input, output;
    edgeacc_place fill; /* where to fill before, nothing where fill_bytes is 0 */
    int32_t fill_bytes, fill_value;
    int32_t sizes[DIMENSIONS], from[DIMENSIONS], to[DIMENSIONS];
} parameters;

/* Bytes from the first to the last that strides reach; 0 where they are not sound. */
static int64_t reach(const int32_t *sizes, const int32_t *strides)
{
    int64_t last = 0;
    for (int32_t i = 0; i < DIMENSIONS; i++) {
        if (!edgeacc_within(strides[i], 0, EDGEACC_LARGEST)) {
            return 0;
        }
        last += (int64_t)(sizes[i] - 1) * strides[i];
    }
    return last < EDGEACC_LARGEST ? last + 1 : 0;
}

static int check(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    if (edgeacc_product(p->sizes, DIMENSIONS) == 0) {
        return 0;
    }
    const int64_t input_bytes = reach(p->sizes, p->from), output_bytes = reach(p->sizes, p->to);
    const int fills = p->fill_bytes != 0;
    return edgeacc_readable(model, p->input, input_bytes) && edgeacc_writable(model, p->output, output_bytes) &&
           edgeacc_apart(p->input, input_bytes, p->output, output_bytes) &&
           (!fills || (edgeacc_writable(model, p->fill, p->fill_bytes) &&
                       edgeacc_apart(p->input, input_bytes, p->fill, p->fill_bytes) &&
                       edgeacc_within(p->fill_value, -128, 127)));
}

static void line(const parameters *p, const int8_t *input, int8_t *output)
{
    const int32_t count = p->sizes[DIMENSIONS - 1], from = p->from[DIMENSIONS - 1], to = p->to[DIMENSIONS - 1];
    if (from == 1 && to == 1) {
        memcpy(output, input, (uint32_t)count);
        return;
    }
    for (int32_t i = 0; i < count; i++, input += from, output += to) {
        *output = *input;
    }
}

static void run(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const int8_t *input = edgeacc_read(model, p->input);
    int8_t *output = edgeacc_write(model, p->output);
    const int32_t *n = p->sizes, *a = p->from, *b = p->to;
    if (p->fill_bytes > 0) {
        memset(edgeacc_write(model, p->fill), p->fill_value, (uint32_t)p->fill_bytes);
    }
    for (int32_t h = 0; h < n[0]; h++) {
        for (int32_t i = 0; i < n[1]; i++) {
            for (int32_t j = 0; j < n[2]; j++) {
                for (int32_t k = 0; k < n[3]; k++) {
                    line(p, input + h * a[0] + i * a[1] + j * a[2] + k * a[3],
                         output + h * b[0] + i * b[1] + j * b[2] + k * b[3]);
                }
            }
        }
    }
}

const edgeacc_kernel edgeacc_kernel_copy = {sizeof(parameters) / 4, check, run};
