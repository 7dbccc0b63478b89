/* CONV_2D, FULLY_CONNECTED (a window of 1 x 1 over rows), DEPTHWISE_CONV_2D. */
#include "edgeacc_layers.h"

typedef struct {
    edgeacc_place input, output;
    int32_t images;
    edgeacc_window window;
    int32_t input_offset, output_offset, low, high, rounds_once;
    edgeacc_place bias, multiplier, shift; /* of out_c each */
    edgeacc_place weights;
} parameters;

enum {
    MOST_SIZE = 32767,    /* of an image, a stride, a pad: a place in an image stays within 31 bits */
    MOST_TAPS = 16384,    /* times 255 x 128 is below 2^30 */
    MOST_BIAS = 1 << 29
};

static int is_window(const edgeacc_window *window)
{
    const int32_t *members = &window->in_h;
    for (int32_t i = 0; i < 14; i++) {
        if (!edgeacc_within(members[i], i < 12 ? 1 : 0, i == 2 || i == 5 ? EDGEACC_LARGEST : MOST_SIZE)) {
            return 0;
        }
    }
    return 1;
}

static int are_channels(const edgeacc_model *model, const parameters *p)
{
    const int32_t channels = p->window.out_c;
    if (!edgeacc_constants(model, p->bias, channels) || !edgeacc_constants(model, p->multiplier, channels) ||
        !edgeacc_constants(model, p->shift, channels)) {
        return 0;
    }
    for (int32_t i = 0; i < channels; i++) {
        if (!edgeacc_within(edgeacc_words(model, p->bias)[i], -MOST_BIAS, MOST_BIAS) ||
            !edgeacc_scalable(edgeacc_words(model, p->multiplier)[i], edgeacc_words(model, p->shift)[i])) {
            return 0;
        }
    }
    return edgeacc_within(p->input_offset, -127, 128) && edgeacc_within(p->output_offset, -128, 127) &&
           edgeacc_within(p->low, -128, 127) && edgeacc_within(p->high, -128, 127);
}

/* Whether the output lies so far before the input that no kernel writes over what it still has to read. Each makes the
   places of the output in order: what has been written, place by place or line by line, ends before all that is still read.
   A depthwise kernel goes over the image once for every group of channels, and a channel may only meet itself. */
__attribute__((noinline)) static int rolls(const parameters *p, int depthwise)
{
    const edgeacc_window *w = &p->window;
    const int32_t lead = p->input - p->output, alone = w->in_c < 16 ? 4 : 16; /* channels of a group */
    const int pointwise = w->kernel_h == 1 && w->kernel_w == 1 && w->in_h == w->out_h && w->in_w == w->out_w;
    if (p->images != 1 || p->input < p->output ||
        (depthwise ? w->in_c != w->out_c || w->in_c % alone != 0 || lead % w->in_c != 0 : w->out_c > 64)) {
        return 0;
    }
    int32_t steps = w->out_h, written = w->out_w * w->out_c, read = w->in_w * w->in_c, stride = w->stride_h, pad = w->pad_h;
    if (w->in_h == 1 && w->out_h == 1) {
        steps = w->out_w, written = w->out_c, read = w->in_c, stride = w->stride_w, pad = w->pad_w;
    } else if (pointwise) {
        steps *= w->out_w, written = w->out_c, read = w->in_c, stride = 1, pad = 0;
    }
    for (int32_t step = 0, first = -pad; step < steps; step++, first += stride) {
        const int64_t still_read = first > 0 ? (int64_t)first * read : 0;
        if ((step + 1) * written - still_read > lead) {
            return 0;
        }
    }
    return 1;
}

static int check_both(const edgeacc_model *model, const parameters *p, int32_t taps, int depthwise)
{
    const edgeacc_window *w = &p->window;
    const int32_t sizes_in[] = {p->images, w->in_h, w->in_w, w->in_c};
    const int32_t sizes_out[] = {p->images, w->out_h, w->out_w, w->out_c};
    const int32_t input_bytes = edgeacc_product(sizes_in, 4), output_bytes = edgeacc_product(sizes_out, 4);
    return edgeacc_within(taps, 1, MOST_TAPS) && edgeacc_readable(model, p->input, input_bytes) &&
           edgeacc_writable(model, p->output, output_bytes) &&
           (edgeacc_apart(p->input, input_bytes, p->output, output_bytes) || rolls(p, depthwise)) &&
           are_channels(model, p);
}

static int check_conv(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    if (!is_window(&p->window)) {
        return 0;
    }
    const int32_t sizes[] = {p->window.kernel_h, p->window.kernel_w, p->window.in_c};
    const int32_t taps = edgeacc_product(sizes, 3);
    return check_both(model, p, taps, 0) && edgeacc_readable(model, p->weights, (int64_t)taps * p->window.out_c);
}

static int check_depthwise(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    if (!is_window(&p->window) || p->window.out_c % p->window.in_c != 0) {
        return 0;
    }
    const int32_t sizes[] = {p->window.kernel_h, p->window.kernel_w};
    const int32_t taps = edgeacc_product(sizes, 2);
    return check_both(model, p, taps, 1) && edgeacc_readable(model, p->weights, (int64_t)taps * p->window.out_c);
}

typedef void (*kernel)(const edgeacc_window *, const edgeacc_scaling *, const int8_t *, const int8_t *, int8_t *);

static void run(const edgeacc_model *model, const parameters *p, kernel run_one)
{
    const edgeacc_scaling scaling = {
        .input_offset = p->input_offset,
        .output_offset = p->output_offset,
        .low = p->low,
        .high = p->high,
        .rounds_once = p->rounds_once,
        .bias = edgeacc_words(model, p->bias),
        .multiplier = edgeacc_words(model, p->multiplier),
        .shift = edgeacc_words(model, p->shift),
    };
    const edgeacc_window *w = &p->window;
    const int8_t *input = edgeacc_read(model, p->input);
    int8_t *output = edgeacc_write(model, p->output);
    for (int32_t image = 0; image < p->images; image++) {
        run_one(w, &scaling, input, edgeacc_read(model, p->weights), output);
        input += w->in_h * w->in_w * w->in_c;
        output += w->out_h * w->out_w * w->out_c;
    }
}

static void run_conv(const edgeacc_model *model, const void *parameters_at)
{
    run(model, parameters_at, edgeacc_conv_2d);
}

static void run_depthwise(const edgeacc_model *model, const void *parameters_at)
{
    run(model, parameters_at, edgeacc_depthwise_conv_2d);
}

const edgeacc_kernel edgeacc_kernel_conv_2d = {sizeof(parameters) / 4, check_conv, run_conv};
const edgeacc_kernel edgeacc_kernel_depthwise_conv_2d = {sizeof(parameters) / 4, check_depthwise, run_depthwise};
