/* Every kernel, for builds that run any model. */
#include "edgeacc_layers.h"

const edgeacc_kernel *const edgeacc_kernels[EDGEACC_KERNELS] = {
    0,
    &edgeacc_kernel_conv_2d,
    &edgeacc_kernel_depthwise_conv_2d,
    &edgeacc_kernel_pool_2d,
    &edgeacc_kernel_table,
    &edgeacc_kernel_binary,
    &edgeacc_kernel_mean,
    &edgeacc_kernel_copy,
    &edgeacc_kernel_softmax,
    &edgeacc_kernel_batch_matmul,
};
