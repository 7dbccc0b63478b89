/* SOFTMAX over the last axis, in the fixed-point arithmetic of TFLite's reference kernel (gemmlowp's exp and reciprocal). */
#include "edgeacc_layers.h"

typedef struct {
    edgeacc_place input, output;
    int32_t rows, depth;
    int32_t multiplier, left_shift; /* of a difference, to a fixed point with 5 integer bits */
    int32_t least;                  /* differences below count as nothing */
} parameters;

enum { MOST_DEPTH = 1 << 12 }; /* the sum of so many ones fits in 12 integer bits */

static int check(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const int32_t sizes[] = {p->rows, p->depth};
    const int32_t bytes = edgeacc_product(sizes, 2);
    return p->depth < MOST_DEPTH && edgeacc_readable(model, p->input, bytes) &&
           edgeacc_writable(model, p->output, bytes) &&
           (p->input == p->output || edgeacc_apart(p->input, bytes, p->output, bytes)) && p->multiplier >= 0 &&
           edgeacc_within(p->left_shift, 0, 30) && edgeacc_within(p->least, -255, 0);
}

/* A rounding doubling high product. */
static int32_t times(int32_t a, int32_t b)
{
    return a == INT32_MIN && b == INT32_MIN ? INT32_MAX : (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

static int32_t wrapped_sum(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }

static int32_t divided(int32_t value, int32_t power)
{
    if (power <= 0) {
        return value;
    }
    const int32_t mask = (int32_t)((1u << power) - 1u);
    return (value >> power) + ((value & mask) > (mask >> 1) + (value < 0));
}

static int32_t raised(int32_t value, int32_t power)
{
    const int64_t raised_value = (int64_t)value * ((int64_t)1 << power);
    return raised_value > INT32_MAX ? INT32_MAX : raised_value < INT32_MIN ? INT32_MIN : (int32_t)raised_value;
}

/* exp of a value in [-1/4, 0), both with 31 fractional bits: a Taylor series about -1/8. */
static int32_t exp_of_quarter(int32_t a)
{
    const int32_t exp_of_eighth = 1895147668, third = 715827883;
    const int32_t x = a + (1 << 28), x2 = times(x, x), x3 = times(x2, x), x4 = times(x2, x2);
    const int32_t later_terms = divided(times(divided(x4, 2) + x3, third) + x2, 1);
    return exp_of_eighth + times(exp_of_eighth, x + later_terms);
}

/* exp of a value from -32 to 0 with 26 fractional bits; the result has 31. */
static int32_t exp_of(int32_t a)
{
    static const int32_t exps[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242}; /* of -2^(i - 2) */
    const int32_t quarter = 1 << 24, part = (a & (quarter - 1)) - quarter;
    const uint32_t rest = (uint32_t)part - (uint32_t)a;
    int32_t result = exp_of_quarter(raised(part, 5));
    for (int32_t i = 0; i < 7; i++) {
        if (rest & (1u << (24 + i))) {
            result = times(result, exps[i]);
        }
    }
    return a == 0 ? INT32_MAX : result;
}

/* 1 / (1 + a) for a in [0, 1), 31 fractional bits: three steps of Newton and Raphson. */
static int32_t reciprocal_of_one_plus(int32_t a)
{
    const int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + times(half, -1010580540); /* 48/17 - 32/17 half, 29 fractional bits */
    for (int32_t i = 0; i < 3; i++) {
        const int32_t missing = (1 << 29) - times(half, x);
        x = wrapped_sum(x, raised(times(x, missing), 2));
    }
    return raised(x, 1);
}

static int32_t leading_zeros(uint32_t value)
{
    int32_t zeros = 0;
    for (; zeros < 32 && !(value & 0x80000000u); zeros++) {
        value <<= 1;
    }
    return zeros;
}

static int32_t rescaled(const parameters *p, int32_t difference)
{
    return times((int32_t)((uint32_t)difference << p->left_shift), p->multiplier);
}

static void row(const parameters *p, const int8_t *input, int8_t *output)
{
    int32_t largest = -128, sum = 0;
    for (int32_t i = 0; i < p->depth; i++) {
        largest = edgeacc_most(largest, input[i]);
    }
    for (int32_t i = 0; i < p->depth; i++) {
        if (input[i] - largest >= p->least) {
            sum = wrapped_sum(sum, divided(exp_of(rescaled(p, input[i] - largest)), 12));
        }
    }
    const int32_t zeros = leading_zeros((uint32_t)sum);
    const int32_t scale = reciprocal_of_one_plus((int32_t)(((uint32_t)sum << (zeros & 31)) - (1u << 31)));
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t difference = input[i] - largest;
        int32_t value = -128;
        if (difference >= p->least) {
            value += divided(times(scale, exp_of(rescaled(p, difference))), edgeacc_least(12 - zeros + 31 - 8, 31));
        }
        output[i] = (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
    }
}

static void run(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const int8_t *input = edgeacc_read(model, p->input);
    int8_t *output = edgeacc_write(model, p->output);
    for (int32_t i = 0; i < p->rows; i++, input += p->depth, output += p->depth) {
        row(p, input, output);
    }
}

const edgeacc_kernel edgeacc_kernel_softmax = {sizeof(parameters) / 4, check, run};
