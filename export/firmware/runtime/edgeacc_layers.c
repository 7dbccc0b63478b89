#include "edgeacc_layers.h"

int edgeacc_within(int32_t value, int32_t low, int32_t high) { return value >= low && value <= high; }

int32_t edgeacc_product(const int32_t *sizes, int32_t count)
{
    int64_t product = 1;
    for (int32_t i = 0; i < count; i++) {
        if (!edgeacc_within(sizes[i], 1, EDGEACC_LARGEST)) {
            return 0;
        }
        product *= sizes[i];
        if (product > EDGEACC_LARGEST) {
            return 0;
        }
    }
    return (int32_t)product;
}

int edgeacc_readable(const edgeacc_model *model, edgeacc_place place, int64_t bytes)
{
    const int64_t start = place < 0 ? -1 - (int64_t)place : place;
    return bytes >= 1 && start + bytes <= (int64_t)(place < 0 ? model->blob_bytes : model->arena_bytes);
}

int edgeacc_writable(const edgeacc_model *model, edgeacc_place place, int64_t bytes)
{
    return place >= 0 && edgeacc_readable(model, place, bytes);
}

int edgeacc_constants(const edgeacc_model *model, edgeacc_place place, int64_t count)
{
    return place < 0 && (-1 - (int64_t)place) % 4 == 0 && edgeacc_readable(model, place, 4 * count);
}

int edgeacc_apart(edgeacc_place a, int64_t a_bytes, edgeacc_place b, int64_t b_bytes)
{
    return (a < 0) != (b < 0) || a + a_bytes <= b || b + b_bytes <= a;
}

int edgeacc_scalable(int32_t multiplier, int32_t shift) { return multiplier >= 0 && edgeacc_within(shift, -31, 30); }
