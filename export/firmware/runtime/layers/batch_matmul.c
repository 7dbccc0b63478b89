/* BATCH_MATMUL of two activations: (batches, rows, depth) by (batches, depth, columns), the second perhaps transposed. */
#include "edgeacc_layers.h"

typedef struct {
    edgeacc_place first, second, output;
    int32_t batches, rows, depth, columns;
    int32_t depth_stride, column_stride; /* of the second, within a batch */
    int32_t first_offset, second_offset, output_offset;
    int32_t multiplier, shift;
} parameters;

enum { MOST_DEPTH = 16384 }; /* times 256 x 256 is below 2^31 */

static int check(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const int32_t sizes_first[] = {p->batches, p->rows, p->depth}, sizes_second[] = {p->batches, p->depth, p->columns};
    const int32_t sizes_output[] = {p->batches, p->rows, p->columns};
    const int32_t first = edgeacc_product(sizes_first, 3), second = edgeacc_product(sizes_second, 3);
    const int32_t output = edgeacc_product(sizes_output, 3);
    const int straight = p->depth_stride == p->columns && p->column_stride == 1;
    const int transposed = p->depth_stride == 1 && p->column_stride == p->depth;
    return edgeacc_readable(model, p->first, first) && edgeacc_readable(model, p->second, second) &&
           edgeacc_writable(model, p->output, output) && edgeacc_apart(p->first, first, p->output, output) &&
           edgeacc_apart(p->second, second, p->output, output) && (straight || transposed) && p->depth <= MOST_DEPTH &&
           edgeacc_within(p->first_offset, -127, 128) && edgeacc_within(p->second_offset, -127, 128) &&
           edgeacc_within(p->output_offset, -128, 127) && edgeacc_scalable(p->multiplier, p->shift);
}

static void row(const parameters *p, const int8_t *first, const int8_t *second, int8_t *output)
{
    for (int32_t column = 0; column < p->columns; column++, second += p->column_stride) {
        int32_t sum = 0;
        const int8_t *other = second;
        for (int32_t i = 0; i < p->depth; i++, other += p->depth_stride) {
            sum += (first[i] + p->first_offset) * (*other + p->second_offset);
        }
        *output++ = edgeacc_limited(edgeacc_scaled(sum, p->multiplier, p->shift), p->output_offset, -128, 127);
    }
}

static void run(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const int8_t *first = edgeacc_read(model, p->first), *second = edgeacc_read(model, p->second);
    int8_t *output = edgeacc_write(model, p->output);
    for (int32_t batch = 0; batch < p->batches; batch++, second += p->depth * p->columns) {
        for (int32_t i = 0; i < p->rows; i++, first += p->depth, output += p->columns) {
            row(p, first, second, output);
        }
    }
}

const edgeacc_kernel edgeacc_kernel_batch_matmul = {sizeof(parameters) / 4, check, run};
