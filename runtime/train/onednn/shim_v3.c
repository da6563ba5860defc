// Descriptors of primitives in version 3 of oneDNN's C API: one call each, layouts are handles.
#include "runtime/train/onednn/onednn.h"

#if DNNL_VERSION_MAJOR >= 3

layout shim_layout(int rank, const int64_t *dims, bool free_choice)
{
    static const dnnl_format_tag_t tags[] = {
        dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde};
    dnnl_memory_desc_t md = NULL;
    dnnl_dims_t d = {0};
    for (int i = 0; i < rank; i++)
        d[i] = dims[i];
    return dnnl_memory_desc_create_with_tag(&md, rank, d, dnnl_f32,
                                            free_choice ? dnnl_format_tag_any : tags[rank]) ==
                   dnnl_success
               ? md
               : NULL;
}

layout shim_layout_copy(layout of, bool free_choice)
{
    int rank = 0;
    const dnnl_dims_t *dims = NULL;
    if (dnnl_memory_desc_query(of, dnnl_query_ndims_s32, &rank) != dnnl_success ||
        dnnl_memory_desc_query(of, dnnl_query_dims, &dims) != dnnl_success)
        return NULL;
    return shim_layout(rank, *dims, free_choice);
}

void shim_layout_free(layout of)
{
    dnnl_memory_desc_destroy((dnnl_memory_desc_t)(uintptr_t)of);
}

static dnnl_prop_kind_t forward(bool training)
{
    return training ? dnnl_forward_training : dnnl_forward_inference;
}

dnnl_status_t shim_conv_forward(const struct shim *s, dnnl_primitive_desc_t *pd, bool training,
                                const struct shim_window *w, layout src, layout weights,
                                layout bias, layout dst)
{
    return dnnl_convolution_forward_primitive_desc_create(
        pd, s->engine, forward(training), dnnl_convolution_auto, src, weights, bias, dst, w->stride,
        w->dilation, w->before, w->after, s->attr);
}

dnnl_status_t shim_conv_back_data(const struct shim *s, dnnl_primitive_desc_t *pd,
                                  const struct shim_window *w, layout diff_src, layout weights,
                                  layout diff_dst, dnnl_primitive_desc_t hint)
{
    return dnnl_convolution_backward_data_primitive_desc_create(
        pd, s->engine, dnnl_convolution_auto, diff_src, weights, diff_dst, w->stride, w->dilation,
        w->before, w->after, hint, s->attr);
}

dnnl_status_t shim_conv_back_weights(const struct shim *s, dnnl_primitive_desc_t *pd,
                                     const struct shim_window *w, layout src, layout diff_weights,
                                     layout diff_bias, layout diff_dst, dnnl_primitive_desc_t hint)
{
    return dnnl_convolution_backward_weights_primitive_desc_create(
        pd, s->engine, dnnl_convolution_auto, src, diff_weights, diff_bias, diff_dst, w->stride,
        w->dilation, w->before, w->after, hint, s->attr);
}

dnnl_status_t shim_dense_forward(const struct shim *s, dnnl_primitive_desc_t *pd, bool training,
                                 layout src, layout weights, layout bias, layout dst)
{
    return dnnl_inner_product_forward_primitive_desc_create(pd, s->engine, forward(training), src,
                                                            weights, bias, dst, s->attr);
}

dnnl_status_t shim_dense_back_data(const struct shim *s, dnnl_primitive_desc_t *pd, layout diff_src,
                                   layout weights, layout diff_dst, dnnl_primitive_desc_t hint)
{
    return dnnl_inner_product_backward_data_primitive_desc_create(pd, s->engine, diff_src, weights,
                                                                  diff_dst, hint, s->attr);
}

dnnl_status_t shim_dense_back_weights(const struct shim *s, dnnl_primitive_desc_t *pd, layout src,
                                      layout diff_weights, layout diff_bias, layout diff_dst,
                                      dnnl_primitive_desc_t hint)
{
    return dnnl_inner_product_backward_weights_primitive_desc_create(
        pd, s->engine, src, diff_weights, diff_bias, diff_dst, hint, s->attr);
}

static dnnl_alg_kind_t pool(bool max)
{
    return max ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding;
}

dnnl_status_t shim_pool_forward(const struct shim *s, dnnl_primitive_desc_t *pd, bool training,
                                bool max, const struct shim_window *w, layout src, layout dst)
{
    return dnnl_pooling_forward_primitive_desc_create(pd, s->engine, forward(training), pool(max),
                                                      src, dst, w->stride, w->kernel, w->dilation,
                                                      w->before, w->after, s->attr);
}

dnnl_status_t shim_pool_back(const struct shim *s, dnnl_primitive_desc_t *pd, bool max,
                             const struct shim_window *w, layout diff_src, layout diff_dst,
                             dnnl_primitive_desc_t hint)
{
    return dnnl_pooling_backward_primitive_desc_create(pd, s->engine, pool(max), diff_src, diff_dst,
                                                       w->stride, w->kernel, w->dilation, w->before,
                                                       w->after, hint, s->attr);
}

static unsigned norm_flags(bool given)
{
    return dnnl_use_scale | dnnl_use_shift | (given ? (unsigned)dnnl_use_global_stats : 0u);
}

dnnl_status_t shim_norm_forward(const struct shim *s, dnnl_primitive_desc_t *pd, bool training,
                                bool given, float eps, layout src)
{
    return dnnl_batch_normalization_forward_primitive_desc_create(
        pd, s->engine, forward(training), src, src, eps, norm_flags(given), s->attr);
}

dnnl_status_t shim_norm_back(const struct shim *s, dnnl_primitive_desc_t *pd, bool given, float eps,
                             layout src, dnnl_primitive_desc_t hint)
{
    return dnnl_batch_normalization_backward_primitive_desc_create(
        pd, s->engine, dnnl_backward, src, src, src, eps, norm_flags(given), hint, s->attr);
}

// Version 3 gives hardswish its slope and level as parameters: x max(0, min(1, alpha x + beta)).
static void eltwise(dnnl_alg_kind_t alg, float *alpha, float *beta)
{
    if (alg == dnnl_eltwise_hardswish) *alpha = 1.0f / 6, *beta = 0.5f;
}

dnnl_status_t shim_eltwise_forward(const struct shim *s, dnnl_primitive_desc_t *pd,
                                   dnnl_alg_kind_t alg, float alpha, float beta, layout src)
{
    eltwise(alg, &alpha, &beta);
    return dnnl_eltwise_forward_primitive_desc_create(pd, s->engine, dnnl_forward_training, alg,
                                                      src, src, alpha, beta, s->attr);
}

dnnl_status_t shim_eltwise_back(const struct shim *s, dnnl_primitive_desc_t *pd,
                                dnnl_alg_kind_t alg, float alpha, float beta, layout src,
                                dnnl_primitive_desc_t hint)
{
    eltwise(alg, &alpha, &beta);
    return dnnl_eltwise_backward_primitive_desc_create(pd, s->engine, alg, src, src, src, alpha,
                                                       beta, hint, s->attr);
}

dnnl_status_t shim_softmax_forward(const struct shim *s, dnnl_primitive_desc_t *pd, layout src)
{
    return dnnl_softmax_forward_primitive_desc_create(pd, s->engine, dnnl_forward_training,
                                                      dnnl_softmax_accurate, src, src, 1, s->attr);
}

dnnl_status_t shim_softmax_back(const struct shim *s, dnnl_primitive_desc_t *pd, layout dst,
                                dnnl_primitive_desc_t hint)
{
    return dnnl_softmax_backward_primitive_desc_create(pd, s->engine, dnnl_softmax_accurate, dst,
                                                       dst, dst, 1, hint, s->attr);
}

#else
typedef int shim_v3_is_empty; // a file must hold something
#endif
