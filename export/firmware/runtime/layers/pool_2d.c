/* AVERAGE_POOL_2D and MAX_POOL_2D: of the places that lie inside the image. */
#include "edgeacc_layers.h"

typedef struct {
    edgeacc_place input, output;
    int32_t images;
    edgeacc_window window; /* in_c and out_c are the same, dilations 1 */
    int32_t low, high;
    int32_t is_max;
} parameters;

enum { MOST_SIZE = 32767 };

static int check(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const edgeacc_window *w = &p->window;
    const int32_t *members = &w->in_h;
    for (int32_t i = 0; i < 14; i++) {
        if (!edgeacc_within(members[i], i < 12 ? 1 : 0, i == 2 || i == 5 ? EDGEACC_LARGEST : MOST_SIZE)) {
            return 0;
        }
    }
    const int32_t sizes_in[] = {p->images, w->in_h, w->in_w, w->in_c};
    const int32_t sizes_out[] = {p->images, w->out_h, w->out_w, w->out_c};
    const int32_t input_bytes = edgeacc_product(sizes_in, 4), output_bytes = edgeacc_product(sizes_out, 4);
    return w->in_c == w->out_c && edgeacc_readable(model, p->input, input_bytes) &&
           edgeacc_writable(model, p->output, output_bytes) &&
           edgeacc_apart(p->input, input_bytes, p->output, output_bytes) && edgeacc_within(p->low, -128, 127) &&
           edgeacc_within(p->high, -128, 127);
}

static int32_t rounded(int32_t sum, int32_t count)
{
    return count == 0 ? 0 : sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
}

static int8_t pooled(const parameters *p, const int8_t *image, int32_t top, int32_t left, int32_t channel)
{
    const edgeacc_window *w = &p->window;
    const int32_t end_y = edgeacc_least(top + w->kernel_h, w->in_h), end_x = edgeacc_least(left + w->kernel_w, w->in_w);
    int32_t sum = 0, largest = -128, count = 0;
    for (int32_t y = edgeacc_most(top, 0); y < end_y; y++) {
        for (int32_t x = edgeacc_most(left, 0); x < end_x; x++, count++) {
            const int32_t value = image[(y * w->in_w + x) * w->in_c + channel];
            sum += value;
            largest = edgeacc_most(largest, value);
        }
    }
    return edgeacc_limited(p->is_max ? largest : rounded(sum, count), 0, p->low, p->high);
}

static void run(const edgeacc_model *model, const void *parameters_at)
{
    const parameters *p = parameters_at;
    const edgeacc_window *w = &p->window;
    const int8_t *image = edgeacc_read(model, p->input);
    int8_t *output = edgeacc_write(model, p->output);
    for (int32_t i = 0; i < p->images; i++, image += w->in_h * w->in_w * w->in_c) {
        for (int32_t y = 0; y < w->out_h; y++) {
            for (int32_t x = 0; x < w->out_w; x++) {
                for (int32_t c = 0; c < w->out_c; c++) {
                    *output++ = pooled(p, image, y * w->stride_h - w->pad_h, x * w->stride_w - w->pad_w, c);
                }
            }
        }
    }
}

const edgeacc_kernel edgeacc_kernel_pool_2d = {sizeof(parameters) / 4, check, run};
