/* ADD, SUB, MUL, SQUARED_DIFFERENCE of two tensors, one of which may be stretched: a stride of 0 repeats it. */
#include "edgeacc_layers.h"

enum { ADD = 0, SUB = 1, MUL = 2, SQUARED_DIFFERENCE = 3, DIMENSIONS = 4 };

typedef struct {
    int32_t offset, multiplier, shift, stride[DIMENSIONS];
    edgeacc_place place;
} operand;

typedef struct {
    int32_t operation;
    int32_t left_shift; /* of both inputs, but for MUL */
    int32_t sizes[DIMENSIONS];
    operand first, second;
    edgeacc_place output;
    int32_t output_offset, multiplier, shift, low, high;
} parameters;

static int is_operand(const edgeacc_model *model, const parameters *p, const operand *o, int32_t output_bytes)
{
    int64_t last = 0;
    for (int32_t i = 0; i < DIMENSIONS; i++) {
        if (!edgeacc_within(o->stride[i], 0, EDGEACC_LARGEST)) {
            return 0;
        }
        last += (int64_t)(p->sizes[i] - 1) * o->stride[i];
    }
    const int same = o->place == p->output && last == output_bytes - 1;
    return last <= EDGEACC_LARGEST && edgeacc_readable(model, o->place, last + 1) &&
           (same || edgeacc_apart(o->place, last + 1, p->output, output_bytes)) && edgeacc_within(o->offset, -127, 128) &&
           edgeacc_scalable(o->multiplier, o->shift) && o->shift <= 0;
}

static int check(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const int32_t output_bytes = edgeacc_product(p->sizes, DIMENSIONS);
    const int32_t most_left = p->operation == SQUARED_DIFFERENCE ? 7 : 20;
    return edgeacc_within(p->operation, ADD, SQUARED_DIFFERENCE) && edgeacc_within(p->left_shift, 0, most_left) &&
           edgeacc_writable(model, p->output, output_bytes) && is_operand(model, p, &p->first, output_bytes) &&
           is_operand(model, p, &p->second, output_bytes) && edgeacc_within(p->output_offset, -128, 127) &&
           edgeacc_scalable(p->multiplier, p->shift) && edgeacc_within(p->low, -128, 127) &&
           edgeacc_within(p->high, -128, 127);
}

static int32_t combined(const parameters *p, int32_t a, int32_t b)
{
    if (p->operation == MUL) {
        return a * b;
    }
    const int32_t first = edgeacc_scaled(a * (1 << p->left_shift), p->first.multiplier, p->first.shift);
    const int32_t second = edgeacc_scaled(b * (1 << p->left_shift), p->second.multiplier, p->second.shift);
    if (p->operation == ADD) {
        return (int32_t)((uint32_t)first + (uint32_t)second);
    }
    const uint32_t difference = (uint32_t)first - (uint32_t)second;
    return (int32_t)(p->operation == SUB ? difference : difference * difference);
}

static void line(const parameters *p, const int8_t *first, const int8_t *second, int8_t *output)
{
    const int32_t one = p->first.stride[DIMENSIONS - 1], other = p->second.stride[DIMENSIONS - 1];
    for (int32_t i = 0; i < p->sizes[DIMENSIONS - 1]; i++, first += one, second += other) {
        const int32_t sum = combined(p, *first + p->first.offset, *second + p->second.offset);
        *output++ = edgeacc_limited(edgeacc_scaled(sum, p->multiplier, p->shift), p->output_offset, p->low, p->high);
    }
}

static void run(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const int8_t *first = edgeacc_read(model, p->first.place), *second = edgeacc_read(model, p->second.place);
    const int32_t *a = p->first.stride, *b = p->second.stride;
    int8_t *output = edgeacc_write(model, p->output);
    for (int32_t i = 0; i < p->sizes[0]; i++) {
        for (int32_t j = 0; j < p->sizes[1]; j++) {
            for (int32_t k = 0; k < p->sizes[2]; k++, output += p->sizes[3]) {
                line(p, first + i * a[0] + j * a[1] + k * a[2], second + i * b[0] + j * b[1] + k * b[2], output);
            }
        }
    }
}

const edgeacc_kernel edgeacc_kernel_binary = {sizeof(parameters) / 4, check, run};
