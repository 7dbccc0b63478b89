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

enum { VALUES = 256 };

/* Every value of an operand, scaled. */
static void scale_all(const operand *o, int32_t left_shift, int32_t scaled[VALUES])
{
    for (int32_t value = -128; value < 128; value++) {
        *scaled++ = edgeacc_scaled((value + o->offset) * (1 << left_shift), o->multiplier, o->shift);
    }
}

static int32_t combined(const parameters *p, int32_t a, int32_t b)
{
    if (p->operation == MUL) {
        return a * b;
    }
    if (p->operation == ADD) {
        return (int32_t)((uint32_t)a + (uint32_t)b);
    }
    const uint32_t difference = (uint32_t)a - (uint32_t)b;
    return (int32_t)(p->operation == SUB ? difference : difference * difference);
}

static void line(const parameters *p, int32_t scaled[2][VALUES], const int8_t *first, const int8_t *second,
                 int8_t *output)
{
    const int32_t one = p->first.stride[DIMENSIONS - 1], other = p->second.stride[DIMENSIONS - 1];
    for (int32_t i = 0; i < p->sizes[DIMENSIONS - 1]; i++, first += one, second += other) {
        const int32_t a = p->operation == MUL ? *first + p->first.offset : scaled[0][*first + 128];
        const int32_t b = p->operation == MUL ? *second + p->second.offset : scaled[1][*second + 128];
        const int32_t value = edgeacc_scaled(combined(p, a, b), p->multiplier, p->shift);
        *output++ = edgeacc_limited(value, p->output_offset, p->low, p->high);
    }
}

/* `line` of sums, whose operands are within 2^28, for a shift below 0. For differences the second operand is negated. */
static void line_of_sums(const parameters *p, int32_t scaled[2][VALUES], const int8_t *first, const int8_t *second,
                         int8_t *output)
{
    const int32_t one = p->first.stride[DIMENSIONS - 1], other = p->second.stride[DIMENSIONS - 1];
    const int32_t *a = scaled[0] + 128, *b = scaled[1] + 128, multiplier = p->multiplier, right = -p->shift;
    const int32_t half = 1 << (right - 1), offset = p->output_offset, low = p->low, high = p->high;
    for (const int8_t *end = output + p->sizes[DIMENSIONS - 1]; output < end; first += one, second += other) {
        const int64_t product = (int64_t)(2 * (a[*first] + b[*second])) * multiplier;
        const int32_t value = (int32_t)((product + ((int64_t)1 << 31)) >> 32);
        *output++ = edgeacc_limited((value + half + (value >> 31)) >> right, offset, low, high);
    }
}

static void run(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const int8_t *first = edgeacc_read(model, p->first.place), *second = edgeacc_read(model, p->second.place);
    const int32_t *a = p->first.stride, *b = p->second.stride;
    const int sums = (p->operation == ADD || p->operation == SUB) && p->shift < 0;
    int8_t *output = edgeacc_write(model, p->output);
    int32_t scaled[2][VALUES];
    if (p->operation != MUL) {
        scale_all(&p->first, p->left_shift, scaled[0]);
        scale_all(&p->second, p->left_shift, scaled[1]);
    }
    for (int32_t i = 0; i < VALUES && sums && p->operation == SUB; i++) {
        scaled[1][i] = -scaled[1][i];
    }
    for (int32_t i = 0; i < p->sizes[0]; i++) {
        for (int32_t j = 0; j < p->sizes[1]; j++) {
            for (int32_t k = 0; k < p->sizes[2]; k++, output += p->sizes[3]) {
                const int8_t *one = first + i * a[0] + j * a[1] + k * a[2];
                const int8_t *other = second + i * b[0] + j * b[1] + k * b[2];
                (sums ? line_of_sums : line)(p, scaled, one, other, output);
            }
        }
    }
}

const edgeacc_kernel edgeacc_kernel_binary = {sizeof(parameters) / 4, check, run};
