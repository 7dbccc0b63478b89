/* Between the model and its layers: what a layer is in a blob, and what checks and runs it. */
#ifndef EDGEACC_LAYERS_H
#define EDGEACC_LAYERS_H

#include "edgeacc_kernels.h"
#include "edgeacc_model.h"

/* A place in memory: from 0 on in the arena, below 0 in the blob, at byte -1 - place. */
typedef int32_t edgeacc_place;

/* `check` tells whether parameters are sound, `run` trusts them. */
typedef struct {
    uint32_t words; /* of its parameters */
    int (*check)(const edgeacc_model *model, const void *parameters);
    void (*run)(const edgeacc_model *model, const void *parameters);
} edgeacc_kernel;

enum { EDGEACC_KERNELS = 12 };

/* By number, from 1 on; NULL for those that are not in this build. `model.c` of an export defines it, or all_kernels.c. */
extern const edgeacc_kernel *const edgeacc_kernels[EDGEACC_KERNELS];

extern const edgeacc_kernel edgeacc_kernel_conv_2d;           /* 1 */
extern const edgeacc_kernel edgeacc_kernel_depthwise_conv_2d; /* 2 */
extern const edgeacc_kernel edgeacc_kernel_pool_2d;           /* 3 */
extern const edgeacc_kernel edgeacc_kernel_table;             /* 4 */
extern const edgeacc_kernel edgeacc_kernel_binary;            /* 5 */
extern const edgeacc_kernel edgeacc_kernel_mean;              /* 6 */
extern const edgeacc_kernel edgeacc_kernel_copy;              /* 7 */
extern const edgeacc_kernel edgeacc_kernel_softmax;           /* 8 */
extern const edgeacc_kernel edgeacc_kernel_batch_matmul;      /* 9 */

enum { EDGEACC_LARGEST = 1 << 24 }; /* of one dimension, stride or offset times another: sums of a few stay in 31 bits */

static inline const int8_t *edgeacc_read(const edgeacc_model *model, edgeacc_place place)
{
    return (const int8_t *)(place < 0 ? model->blob + (uint32_t)(-1 - place) : model->arena + place);
}

static inline int8_t *edgeacc_write(const edgeacc_model *model, edgeacc_place place)
{
    return (int8_t *)(model->arena + place);
}

static inline const int32_t *edgeacc_words(const edgeacc_model *model, edgeacc_place place)
{
    return (const int32_t *)(const void *)(model->blob + (uint32_t)(-1 - place));
}

int edgeacc_within(int32_t value, int32_t low, int32_t high);

/* The product of `count` sizes, each from 1 on; 0 where one is not, or the product is above EDGEACC_LARGEST. */
int32_t edgeacc_product(const int32_t *sizes, int32_t count);

/* Whether `bytes` (from 1 on) at a place are inside arena or blob; to be written, inside the arena. */
int edgeacc_readable(const edgeacc_model *model, edgeacc_place place, int64_t bytes);
int edgeacc_writable(const edgeacc_model *model, edgeacc_place place, int64_t bytes);

/* Whether `count` aligned words are inside the blob. */
int edgeacc_constants(const edgeacc_model *model, edgeacc_place place, int64_t count);

/* Whether two pieces of memory have no byte in common. */
int edgeacc_apart(edgeacc_place a, int64_t a_bytes, edgeacc_place b, int64_t b_bytes);

/* Whether a multiplier and its shift are such that edgeacc_scaled is defined. */
int edgeacc_scalable(int32_t multiplier, int32_t shift);

#endif
