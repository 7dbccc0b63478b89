#include "edgeacc_kernels.h"

#include <string.h>

static int in_one_piece(const edgeacc_window *window, int32_t top, int32_t left)
{
    const int rows_follow = window->kernel_h == 1 || (window->dilation_h == 1 && window->kernel_w == window->in_w);
    return window->dilation_w == 1 && rows_follow && top >= 0 && top + window->kernel_h <= window->in_h && left >= 0 &&
           left + window->kernel_w <= window->in_w;
}

static void gather_line(const edgeacc_window *window, int8_t outside, const int8_t *line, int32_t left, int8_t *to)
{
    const int32_t channels = window->in_c;
    for (int32_t tap = 0; tap < window->kernel_w; tap++, to += channels) {
        const int32_t x = left + tap * window->dilation_w;
        if (line == 0 || x < 0 || x >= window->in_w) {
            memset(to, outside, (uint32_t)channels);
        } else {
            memcpy(to, line + x * channels, (uint32_t)channels);
        }
    }
}

const int8_t *edgeacc_patch(const edgeacc_window *window, int32_t input_offset, const int8_t *input, int32_t y, int32_t x,
                            int8_t *room)
{
    const int32_t top = y * window->stride_h - window->pad_h, left = x * window->stride_w - window->pad_w;
    const int32_t line_bytes = window->in_w * window->in_c, row_bytes = window->kernel_w * window->in_c;
    if (in_one_piece(window, top, left)) {
        return input + top * line_bytes + left * window->in_c;
    }
    const int whole_rows = window->dilation_w == 1 && left >= 0 && left + window->kernel_w <= window->in_w;
    for (int32_t tap = 0; tap < window->kernel_h; tap++) {
        const int32_t line = top + tap * window->dilation_h;
        const int8_t *from = line >= 0 && line < window->in_h ? input + line * line_bytes : 0;
        if (from != 0 && whole_rows) {
            memcpy(room + tap * row_bytes, from + left * window->in_c, (uint32_t)row_bytes);
        } else {
            gather_line(window, (int8_t)-input_offset, from, left, room + tap * row_bytes);
        }
    }
    return room;
}
