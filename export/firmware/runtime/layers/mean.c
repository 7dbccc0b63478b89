/* MEAN over neighbouring axes: (before, over, after) to (before, after). The multiplier holds the division too. */
#include "edgeacc_layers.h"

typedef struct {
    edgeacc_place input, output;
    int32_t before, over, after;
    int32_t input_zero, output_zero;
    int32_t multiplier, shift;
} parameters;

enum { MOST_OVER = 1 << 22 }; /* times 255 is below 2^31 */

static int check(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const int32_t sizes[] = {p->before, p->over, p->after};
    const int32_t input_bytes = edgeacc_product(sizes, 3);
    const int64_t output_bytes = (int64_t)p->before * p->after;
    return p->over <= MOST_OVER && edgeacc_readable(model, p->input, input_bytes) &&
           edgeacc_writable(model, p->output, output_bytes) &&
           edgeacc_apart(p->input, input_bytes, p->output, output_bytes) && edgeacc_within(p->input_zero, -128, 127) &&
           edgeacc_within(p->output_zero, -128, 127) && edgeacc_scalable(p->multiplier, p->shift);
}

static void run(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const int8_t *input = edgeacc_read(model, p->input);
    int8_t *output = edgeacc_write(model, p->output);
    for (int32_t i = 0; i < p->before; i++, input += p->over * p->after) {
        for (int32_t j = 0; j < p->after; j++) {
            int32_t sum = -p->input_zero * p->over;
            for (int32_t k = 0; k < p->over; k++) {
                sum += input[k * p->after + j];
            }
            *output++ = edgeacc_limited(edgeacc_scaled(sum, p->multiplier, p->shift), p->output_zero, -128, 127);
        }
    }
}

const edgeacc_kernel edgeacc_kernel_mean = {sizeof(parameters) / 4, check, run};
