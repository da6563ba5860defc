// Weights to safetensors files and back: 8 bytes of header size (little endian), a JSON header
// {"name": {"dtype": "F32", "shape": […], "data_offsets": [begin, end]}, …}, the data without gaps.
// Format: https://github.com/huggingface/safetensors, README, section "Format".
#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lang/base/json.h"
#include "runtime/data/dataset.h"

enum { SIZE_BYTES = 8, FLOAT_BYTES = 4, HEADER_LIMIT = 100000000 }; // the format's own limit

static_assert(sizeof(float) == FLOAT_BYTES, "F32 is float");

// "[6, 1, 5, 5]"
static void shape_text(const struct ncr_param *param, char out[64])
{
    size_t n = 0;
    for (uint32_t d = 0; d < param->rank; d++)
        n += (size_t)snprintf(out + n, 64 - n, "%s%d", d ? ", " : "[", param->dim[d]);
    snprintf(out + n, 64 - n, "%s", param->rank ? "]" : "[]");
}

static void put_header(const struct ncr_graph *graph, struct ncr_buf *out)
{
    struct ncr_json json;
    ncr_json_init(&json, out);
    ncr_json_object(&json);
    ncr_json_key(&json, "__metadata__");
    ncr_json_object(&json);
    ncr_json_key_str(&json, "format", NCR_STR("nacre"));
    ncr_json_key_str(&json, "net", graph->name);
    ncr_json_end(&json);
    int64_t at = 0;
    for (uint32_t p = 0; p < graph->n_params; p++) {
        const struct ncr_param *param = &graph->params[p];
        struct ncr_buf name = {0};
        ncr_buf_str(&name, param->name);
        ncr_json_key(&json, name.s ? name.s : "");
        out->failed |= name.failed;
        ncr_buf_free(&name);
        ncr_json_object(&json);
        ncr_json_key_str(&json, "dtype", NCR_STR("F32"));
        ncr_json_key(&json, "shape");
        ncr_json_array(&json);
        for (uint32_t d = 0; d < param->rank; d++)
            ncr_json_i64(&json, param->dim[d]);
        ncr_json_end(&json);
        ncr_json_key(&json, "data_offsets");
        ncr_json_array(&json);
        ncr_json_i64(&json, at);
        ncr_json_i64(&json, at += FLOAT_BYTES * param->n);
        ncr_json_end(&json);
        ncr_json_end(&json);
    }
    ncr_json_end(&json);
    ncr_buf_pad(out, ' ', (SIZE_BYTES - out->n % SIZE_BYTES) % SIZE_BYTES); // aligns the data
}

enum ncr_status ncr_safetensors_write(const struct ncr_graph *graph,
                                      const struct ncr_weights *weights, const struct ncr_io *io,
                                      const char *path, struct ncr_error *err)
{
    struct ncr_buf header = {0}, file = {0};
    put_header(graph, &header);
    for (int i = 0; i < SIZE_BYTES; i++)
        ncr_buf_putc(&file, (char)((uint64_t)header.n >> 8 * i & 255));
    ncr_buf_put(&file, header.s, header.n);
    for (uint32_t p = 0; p < graph->n_params; p++)
        for (int64_t i = 0; i < graph->params[p].n; i++) {
            uint32_t bits;
            memcpy(&bits, &weights->at[p][i], sizeof bits);
            const unsigned char b[FLOAT_BYTES] = {bits & 255, bits >> 8 & 255, bits >> 16 & 255,
                                                  bits >> 24};
            ncr_buf_put(&file, b, sizeof b);
        }
    enum ncr_status status =
        header.failed || file.failed
            ? ncr_fail(err, NCR_ENVIRONMENT, "out of memory while writing '%s'", path)
            : io->write_file(io->user, path, file.s, file.n, false, err);
    ncr_buf_free(&header);
    ncr_buf_free(&file);
    return status;
}

// ---- reading ----

struct tensor {
    const char *name;
    const json_t *shape;
    uint64_t begin, end;
};

struct reader {
    const char *path;
    struct ncr_error *err;
    json_t *root;
    const unsigned char *data;
    uint64_t n_data;
    struct tensor *tensors; // sorted by begin once all are read
    size_t n_tensors;
};

// "[2, 3]" of a checked shape; "…" where it is long.
static void json_shape_text(const json_t *shape, char *out, size_t size)
{
    size_t n = 0, rank = json_array_size(shape);
    n += (size_t)snprintf(out, size, "[");
    for (size_t d = 0; d < rank && n + 32 < size; d++)
        n += (size_t)snprintf(out + n, size - n, "%s%lld", d ? ", " : "",
                              (long long)json_integer_value(json_array_get(shape, d)));
    snprintf(out + n, size - n, "%s]", n + 32 < size ? "" : ", …");
}

static enum ncr_status read_frame(struct reader *r, const struct ncr_buf *file)
{
    if (file->n < SIZE_BYTES)
        return ncr_fail(r->err, NCR_ENVIRONMENT,
                        "'%s': %zu bytes, but a safetensors file starts with 8 bytes of header "
                        "size",
                        r->path, file->n);
    uint64_t size = 0;
    for (int i = 0; i < SIZE_BYTES; i++)
        size |= (uint64_t)(unsigned char)file->s[i] << 8 * i;
    size_t rest = file->n - SIZE_BYTES;
    if (size > rest)
        return ncr_fail(r->err, NCR_ENVIRONMENT,
                        "'%s': at offset 0: a header of %llu bytes announced, but %zu bytes follow",
                        r->path, (unsigned long long)size, rest);
    if (size > HEADER_LIMIT)
        return ncr_fail(r->err, NCR_ENVIRONMENT,
                        "'%s': at offset 0: a header of %llu bytes announced; the limit is %d",
                        r->path, (unsigned long long)size, HEADER_LIMIT);
    if (size == 0 || file->s[SIZE_BYTES] != '{')
        return ncr_fail(r->err, NCR_ENVIRONMENT,
                        "'%s': at offset 8: the header does not start with '{'", r->path);
    r->data = (const unsigned char *)file->s + SIZE_BYTES + size;
    r->n_data = rest - size;
    json_error_t why;
    r->root = json_loadb(file->s + SIZE_BYTES, (size_t)size, JSON_REJECT_DUPLICATES, &why);
    if (!r->root)
        return ncr_fail(r->err, NCR_ENVIRONMENT, "'%s': at offset %lld: the header is not JSON: %s",
                        r->path, SIZE_BYTES + (long long)why.position, why.text);
    return NCR_OK;
}

static enum ncr_status bad_tensor(const struct reader *r, const char *name, const char *what)
{
    return ncr_fail(r->err, NCR_ENVIRONMENT, "'%s': tensor '%s': %s", r->path, name, what);
}

static enum ncr_status check_metadata(const struct reader *r, const json_t *metadata)
{
    const char *key;
    const json_t *value;
    if (!json_is_object(metadata))
        return ncr_fail(r->err, NCR_ENVIRONMENT, "'%s': __metadata__ is not an object", r->path);
    void *iter = json_object_iter((json_t *)metadata);
    for (; iter; iter = json_object_iter_next((json_t *)metadata, iter)) {
        key = json_object_iter_key(iter);
        value = json_object_iter_value(iter);
        if (!json_is_string(value))
            return ncr_fail(r->err, NCR_ENVIRONMENT, "'%s': '%s' in __metadata__ is not a string",
                            r->path, key);
    }
    return NCR_OK;
}

static bool is_size(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0;
}

// Bytes of an F32 tensor of this shape; false where a size is wrong or the product leaves 63 bits.
static bool shape_bytes(const json_t *shape, int64_t *bytes)
{
    *bytes = FLOAT_BYTES;
    bool good = true, empty = false;
    for (size_t d = 0; d < json_array_size(shape); d++) {
        const json_t *size = json_array_get(shape, d);
        if (!is_size(size)) return false;
        empty |= json_integer_value(size) == 0;
        good = good && ncr_mul_i64(*bytes, json_integer_value(size), bytes);
    }
    if (empty) *bytes = 0;
    return good || empty;
}

// One entry of the header.
static enum ncr_status read_tensor(struct reader *r, const char *name, const json_t *entry)
{
    if (!json_is_object(entry)) return bad_tensor(r, name, "its entry is not an object");
    const json_t *dtype = json_object_get(entry, "dtype");
    const json_t *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (!json_is_string(dtype)) return bad_tensor(r, name, "dtype is missing or not a string");
    if (!json_is_array(shape)) return bad_tensor(r, name, "shape is missing or not a list");
    if (json_object_size(entry) != 3 || json_array_size(offsets) != 2 ||
        !is_size(json_array_get(offsets, 0)) || !is_size(json_array_get(offsets, 1)))
        return bad_tensor(r, name,
                          json_object_size(entry) > 3
                              ? "its entry has more than dtype, shape and data_offsets"
                              : "data_offsets is not a pair of whole numbers");
    if (strcmp(json_string_value(dtype), "F32") != 0)
        return ncr_fail(r->err, NCR_ENVIRONMENT,
                        "'%s': tensor '%s': dtype is %s, but only F32 is read", r->path, name,
                        json_string_value(dtype));
    int64_t bytes;
    if (!shape_bytes(shape, &bytes))
        return bad_tensor(r, name, "shape holds a size that is negative, too large or no number");
    uint64_t begin = (uint64_t)json_integer_value(json_array_get(offsets, 0));
    uint64_t end = (uint64_t)json_integer_value(json_array_get(offsets, 1));
    if (begin > end || end > r->n_data)
        return ncr_fail(r->err, NCR_ENVIRONMENT,
                        "'%s': tensor '%s': data_offsets [%llu, %llu] leave the data, which has "
                        "%llu bytes",
                        r->path, name, (unsigned long long)begin, (unsigned long long)end,
                        (unsigned long long)r->n_data);
    if (end - begin != (uint64_t)bytes) {
        char text[128];
        json_shape_text(shape, text, sizeof text);
        return ncr_fail(r->err, NCR_ENVIRONMENT,
                        "'%s': tensor '%s': data_offsets [%llu, %llu] hold %llu bytes, but shape "
                        "%s of F32 needs %lld",
                        r->path, name, (unsigned long long)begin, (unsigned long long)end,
                        (unsigned long long)(end - begin), text, (long long)bytes);
    }
    r->tensors[r->n_tensors++] = (struct tensor){name, shape, begin, end};
    return NCR_OK;
}

static int by_place(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1; // empty ones first
    return strcmp(x->name, y->name);
}

// The tensors fill the data exactly, without overlap.
static enum ncr_status check_cover(struct reader *r)
{
    qsort(r->tensors, r->n_tensors, sizeof *r->tensors, by_place);
    uint64_t at = 0;
    for (size_t i = 0; i < r->n_tensors; i++) {
        const struct tensor *t = &r->tensors[i];
        if (t->begin < at)
            return ncr_fail(r->err, NCR_ENVIRONMENT,
                            "'%s': tensor '%s': data_offsets [%llu, %llu] overlap tensor '%s'",
                            r->path, t->name, (unsigned long long)t->begin,
                            (unsigned long long)t->end, r->tensors[i - 1].name);
        if (t->begin > at) break;
        at = t->end;
    }
    uint64_t next = r->n_data;
    for (size_t i = 0; i < r->n_tensors; i++)
        if (r->tensors[i].begin >= at && r->tensors[i].begin < next && r->tensors[i].end > at)
            next = r->tensors[i].begin;
    if (next > at)
        return ncr_fail(r->err, NCR_ENVIRONMENT,
                        "'%s': bytes %llu to %llu of the data belong to no tensor", r->path,
                        (unsigned long long)at, (unsigned long long)next);
    return NCR_OK;
}

static enum ncr_status read_header(struct reader *r)
{
    r->tensors = malloc((json_object_size(r->root) + 1) * sizeof *r->tensors);
    if (!r->tensors)
        return ncr_fail(r->err, NCR_ENVIRONMENT, "out of memory while reading '%s'", r->path);
    enum ncr_status status = NCR_OK;
    void *iter = json_object_iter(r->root);
    for (; iter && status == NCR_OK; iter = json_object_iter_next(r->root, iter)) {
        const char *name = json_object_iter_key(iter);
        const json_t *entry = json_object_iter_value(iter);
        if (strcmp(name, "__metadata__") == 0)
            status = check_metadata(r, entry);
        else
            status = read_tensor(r, name, entry);
    }
    return status == NCR_OK ? check_cover(r) : status;
}

static const struct tensor *find_tensor(const struct reader *r, struct ncr_str name)
{
    for (size_t i = 0; i < r->n_tensors; i++)
        if (ncr_str_is(name, r->tensors[i].name)) return &r->tensors[i];
    return NULL;
}

// "there is no tensor …", with the nearest name that is there.
static enum ncr_status missing(const struct reader *r, const struct ncr_graph *graph,
                               struct ncr_str name)
{
    struct ncr_str near = {"", 0};
    struct ncr_str *names = malloc((r->n_tensors + 1) * sizeof *names);
    if (names) {
        uint32_t n = r->n_tensors < UINT32_MAX ? (uint32_t)r->n_tensors : UINT32_MAX;
        for (uint32_t i = 0; i < n; i++)
            names[i] = ncr_str_of(r->tensors[i].name);
        near = ncr_diag_nearest(name, names, n);
        free(names);
    }
    return ncr_fail(r->err, NCR_ENVIRONMENT,
                    "'%s': there is no tensor '%.*s', which net `%.*s` needs%s%.*s%s", r->path,
                    NCR_STR_ARG(name), NCR_STR_ARG(graph->name), near.n ? "; the nearest is '" : "",
                    NCR_STR_ARG(near), near.n ? "'" : "");
}

static bool same_shape(const struct tensor *tensor, const struct ncr_param *param)
{
    bool same = json_array_size(tensor->shape) == param->rank;
    for (uint32_t d = 0; same && d < param->rank; d++)
        same = json_integer_value(json_array_get(tensor->shape, d)) == param->dim[d];
    return same;
}

static enum ncr_status take(const struct reader *r, const struct ncr_graph *graph,
                            const struct tensor *tensor, const struct ncr_param *param, float *out)
{
    if (!same_shape(tensor, param)) {
        char found[128], needed[64];
        json_shape_text(tensor->shape, found, sizeof found);
        shape_text(param, needed);
        return ncr_fail(r->err, NCR_ENVIRONMENT,
                        "'%s': tensor '%s' has shape %s, but net `%.*s` needs %s", r->path,
                        tensor->name, found, NCR_STR_ARG(graph->name), needed);
    }
    const unsigned char *b = r->data + tensor->begin;
    for (int64_t i = 0; i < param->n; i++, b += FLOAT_BYTES) {
        uint32_t bits =
            (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        memcpy(&out[i], &bits, sizeof bits);
        if (!isfinite(out[i]))
            return ncr_fail(r->err, NCR_ENVIRONMENT,
                            "'%s': tensor '%s': element %lld is %s, not a number to compute with",
                            r->path, tensor->name, (long long)i,
                            isnan(out[i]) ? "nan" : "infinite");
    }
    return NCR_OK;
}

// Every parameter of the graph from the tensor of its name; no tensor may be left over.
static enum ncr_status take_all(const struct reader *r, const struct ncr_graph *graph,
                                struct ncr_weights *weights)
{
    for (uint32_t p = 0; p < graph->n_params; p++) {
        const struct tensor *tensor = find_tensor(r, graph->params[p].name);
        if (!tensor) return missing(r, graph, graph->params[p].name);
        enum ncr_status status = take(r, graph, tensor, &graph->params[p], weights->at[p]);
        if (status != NCR_OK) return status;
    }
    for (size_t i = 0; i < r->n_tensors; i++) {
        uint32_t p = 0;
        while (p < graph->n_params && !ncr_str_is(graph->params[p].name, r->tensors[i].name))
            p++;
        if (p == graph->n_params)
            return ncr_fail(r->err, NCR_ENVIRONMENT,
                            "'%s': tensor '%s' belongs to no parameter of net `%.*s`", r->path,
                            r->tensors[i].name, NCR_STR_ARG(graph->name));
    }
    return NCR_OK;
}

enum ncr_status ncr_safetensors_read(const struct ncr_graph *graph, struct ncr_weights *weights,
                                     const struct ncr_io *io, const char *path,
                                     struct ncr_error *err)
{
    size_t max_bytes = SIZE_BYTES + HEADER_LIMIT; // and what the net can need
    for (uint32_t p = 0; p < graph->n_params; p++)
        max_bytes += FLOAT_BYTES * (size_t)graph->params[p].n;
    struct reader r = {.path = path, .err = err};
    struct ncr_buf file = {0};
    enum ncr_status status = io->read_file(io->user, path, max_bytes, &file, err);
    if (status == NCR_OK) status = read_frame(&r, &file);
    if (status == NCR_OK) status = read_header(&r);
    if (status == NCR_OK) status = take_all(&r, graph, weights);
    free(r.tensors);
    json_decref(r.root);
    ncr_buf_free(&file);
    return status;
}
