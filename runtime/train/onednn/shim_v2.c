// Descriptors of primitives in version 2 of oneDNN's C API: an operation descriptor is filled in,
// then made into a primitive descriptor.
#include "runtime/train/onednn/onednn.h"

#if DNNL_VERSION_MAJOR == 2

#include <stdlib.h>

layout shim_layout(int rank, const int64_t *dims, bool free_choice)
{
    static const dnnl_format_tag_t tags[] = {
        dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde};
    dnnl_memory_desc_t *md = malloc(sizeof *md);
    dnnl_dims_t d = {0};
    for (int i = 0; i < rank; i++)
        d[i] = dims[i];
    if (md && dnnl_memory_desc_init_by_tag(md, rank, d, dnnl_f32,
                                           free_choice ? dnnl_format_tag_any : tags[rank]) !=
                  dnnl_success) {
        free(md);
        return NULL;
    }
    return md;
}

layout shim_layout_copy(layout of, bool free_choice)
{
    return shim_layout(of->ndims, of->dims, free_choice);
}

void shim_layout_free(layout of)
{
    free((void *)(uintptr_t)of);
}

static dnnl_status_t make(const struct shim *s, dnnl_primitive_desc_t *pd, dnnl_status_t described,
                          const void *desc, dnnl_primitive_desc_t hint)
{
    if (described != dnnl_success) return described;
    return dnnl_primitive_desc_create(pd, desc, s->attr, s->engine, hint);
}

static dnnl_prop_kind_t forward(bool training)
{
    return training ? dnnl_forward_training : dnnl_forward_inference;
}

dnnl_status_t shim_conv_forward(const struct shim *s, dnnl_primitive_desc_t *pd, bool training,
                                const struct shim_window *w, layout src, layout weights,
                                layout bias, layout dst)
{
    dnnl_convolution_desc_t d;
    return make(s, pd,
                dnnl_dilated_convolution_forward_desc_init(
                    &d, forward(training), dnnl_convolution_auto, src, weights, bias, dst,
                    w->stride, w->dilation, w->before, w->after),
                &d, NULL);
}

dnnl_status_t shim_conv_back_data(const struct shim *s, dnnl_primitive_desc_t *pd,
                                  const struct shim_window *w, layout diff_src, layout weights,
                                  layout diff_dst, dnnl_primitive_desc_t hint)
{
    dnnl_convolution_desc_t d;
    return make(s, pd,
                dnnl_dilated_convolution_backward_data_desc_init(
                    &d, dnnl_convolution_auto, diff_src, weights, diff_dst, w->stride, w->dilation,
                    w->before, w->after),
                &d, hint);
}

dnnl_status_t shim_conv_back_weights(const struct shim *s, dnnl_primitive_desc_t *pd,
                                     const struct shim_window *w, layout src, layout diff_weights,
                                     layout diff_bias, layout diff_dst, dnnl_primitive_desc_t hint)
{
    dnnl_convolution_desc_t d;
    return make(s, pd,
                dnnl_dilated_convolution_backward_weights_desc_init(
                    &d, dnnl_convolution_auto, src, diff_weights, diff_bias, diff_dst, w->stride,
                    w->dilation, w->before, w->after),
                &d, hint);
}

dnnl_status_t shim_dense_forward(const struct shim *s, dnnl_primitive_desc_t *pd, bool training,
                                 layout src, layout weights, layout bias, layout dst)
{
    dnnl_inner_product_desc_t d;
    return make(
        s, pd, dnnl_inner_product_forward_desc_init(&d, forward(training), src, weights, bias, dst),
        &d, NULL);
}

dnnl_status_t shim_dense_back_data(const struct shim *s, dnnl_primitive_desc_t *pd, layout diff_src,
                                   layout weights, layout diff_dst, dnnl_primitive_desc_t hint)
{
    dnnl_inner_product_desc_t d;
    return make(s, pd, dnnl_inner_product_backward_data_desc_init(&d, diff_src, weights, diff_dst),
                &d, hint);
}

dnnl_status_t shim_dense_back_weights(const struct shim *s, dnnl_primitive_desc_t *pd, layout src,
                                      layout diff_weights, layout diff_bias, layout diff_dst,
                                      dnnl_primitive_desc_t hint)
{
    dnnl_inner_product_desc_t d;
    return make(
        s, pd,
        dnnl_inner_product_backward_weights_desc_init(&d, src, diff_weights, diff_bias, diff_dst),
        &d, hint);
}

static dnnl_alg_kind_t pool(bool max)
{
    return max ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding;
}

dnnl_status_t shim_pool_forward(const struct shim *s, dnnl_primitive_desc_t *pd, bool training,
                                bool max, const struct shim_window *w, layout src, layout dst)
{
    dnnl_pooling_desc_t d;
    return make(s, pd,
                dnnl_pooling_forward_desc_init(&d, forward(training), pool(max), src, dst,
                                               w->stride, w->kernel, w->before, w->after),
                &d, NULL);
}

dnnl_status_t shim_pool_back(const struct shim *s, dnnl_primitive_desc_t *pd, bool max,
                             const struct shim_window *w, layout diff_src, layout diff_dst,
                             dnnl_primitive_desc_t hint)
{
    dnnl_pooling_desc_t d;
    return make(s, pd,
                dnnl_pooling_backward_desc_init(&d, pool(max), diff_src, diff_dst, w->stride,
                                                w->kernel, w->before, w->after),
                &d, hint);
}

static unsigned norm_flags(bool given)
{
    return dnnl_use_scale | dnnl_use_shift | (given ? (unsigned)dnnl_use_global_stats : 0u);
}

dnnl_status_t shim_norm_forward(const struct shim *s, dnnl_primitive_desc_t *pd, bool training,
                                bool given, float eps, layout src)
{
    dnnl_batch_normalization_desc_t d;
    return make(s, pd,
                dnnl_batch_normalization_forward_desc_init(&d, forward(training), src, eps,
                                                           norm_flags(given)),
                &d, NULL);
}

dnnl_status_t shim_norm_back(const struct shim *s, dnnl_primitive_desc_t *pd, bool given, float eps,
                             layout src, dnnl_primitive_desc_t hint)
{
    dnnl_batch_normalization_desc_t d;
    return make(s, pd,
                dnnl_batch_normalization_backward_desc_init(&d, dnnl_backward, src, src, eps,
                                                            norm_flags(given)),
                &d, hint);
}

dnnl_status_t shim_eltwise_forward(const struct shim *s, dnnl_primitive_desc_t *pd,
                                   dnnl_alg_kind_t alg, float alpha, float beta, layout src)
{
    dnnl_eltwise_desc_t d;
    return make(s, pd,
                dnnl_eltwise_forward_desc_init(&d, dnnl_forward_training, alg, src, alpha, beta),
                &d, NULL);
}

dnnl_status_t shim_eltwise_back(const struct shim *s, dnnl_primitive_desc_t *pd,
                                dnnl_alg_kind_t alg, float alpha, float beta, layout src,
                                dnnl_primitive_desc_t hint)
{
    dnnl_eltwise_desc_t d;
    return make(s, pd, dnnl_eltwise_backward_desc_init(&d, alg, src, src, alpha, beta), &d, hint);
}

dnnl_status_t shim_softmax_forward(const struct shim *s, dnnl_primitive_desc_t *pd, layout src)
{
    dnnl_softmax_v2_desc_t d;
    return make(s, pd,
                dnnl_softmax_v2_forward_desc_init(&d, dnnl_forward_training, dnnl_softmax_accurate,
                                                  src, src, 1),
                &d, NULL);
}

dnnl_status_t shim_softmax_back(const struct shim *s, dnnl_primitive_desc_t *pd, layout dst,
                                dnnl_primitive_desc_t hint)
{
    dnnl_softmax_v2_desc_t d;
    return make(s, pd,
                dnnl_softmax_v2_backward_desc_init(&d, dnnl_softmax_accurate, dst, dst, dst, 1), &d,
                hint);
}

#else
typedef int shim_v2_is_empty; // a file must hold something
#endif
