// Ranges, lists, indices and members.
#include "compiler/sema/eval.h"

#include <math.h>

#define K(NAME) NCR_KIND_BIT(NAME)

enum { MAX_LIST_DEPTH = 32 };

// -- ranges -------------------------------------------------------------------------------------

static struct ncr_value as_float(struct ncr_value v)
{
    return v.kind == NCR_KIND_INT ? ncr_value_float((double)v.as.i) : v;
}

// low, high, step → RANGE
static struct ncr_value range_of(struct ncr_eval *ev, void *user, const struct ncr_value *args)
{
    const struct ncr_code *code = user;
    struct ncr_value end[3] = {args[0], args[1], args[2]};
    uint32_t wanted = code->pow2 ? K(INT) : K(INT) | K(FLOAT) | K(QUANTITY);
    bool real = false, quantity = false;
    for (int i = 0; i < 3; i++) {
        if (!code->kid[i]) continue;
        if (!ncr_value_is(end[i], wanted)) {
            NCR_EVAL_REPORT(ev, RANGE_KINDS, code->kid[i]->span,
                            ncr_show_kinds(ev->reporter, wanted), ncr_show(ev->reporter, end[i]));
            return ncr_value_error();
        }
        real |= end[i].kind == NCR_KIND_FLOAT;
        quantity |= end[i].kind == NCR_KIND_QUANTITY;
    }
    for (int i = 0; quantity && i < 3; i++) {
        if (code->kid[i] ? ncr_dimension_eq(end[i].dimension, end[0].dimension) : false) continue;
        if (!code->kid[i]) {
            NCR_EVAL_REPORT0(ev, RANGE_NEEDS_STEP, code->span);
            return ncr_value_error();
        }
        NCR_EVAL_REPORT(ev, DIMENSION_CLASH, code->kid[i]->span, "..",
                        ncr_show(ev->reporter, end[0]), ncr_show(ev->reporter, end[i]));
        return ncr_value_error();
    }
    if (real && !quantity && !code->kid[2]) {
        NCR_EVAL_REPORT0(ev, RANGE_NEEDS_STEP, code->span);
        return ncr_value_error();
    }
    for (int i = 0; real && !quantity && i < 3; i++)
        end[i] = as_float(end[i]);
    double step = ncr_value_number(end[2]);
    if ((code->kid[2] && !(step > 0)) || (code->pow2 && end[0].as.i <= 0)) {
        NCR_EVAL_REPORT(ev, RANGE_STEP, code->pow2 ? code->kid[0]->span : code->kid[2]->span,
                        code->pow2 ? "start of a pow2 range" : "step of a range",
                        ncr_show(ev->reporter, code->pow2 ? end[0] : end[2]));
        return ncr_value_error();
    }
    struct ncr_range *range = NCR_NEW(ev->scratch, struct ncr_range);
    *range = (struct ncr_range){end[0], end[1], end[2], code->closed, code->pow2};
    return (struct ncr_value){.kind = NCR_KIND_RANGE, .as.range = range};
}

struct ncr_value ncr_eval_range(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value end[3];
    for (int i = 0; i < 3; i++)
        end[i] = code->kid[i] ? ncr_eval_code(ev, code->kid[i]) : ncr_value_int(1);
    return ncr_lift(ev, end, 3, range_of, (void *)code);
}

// -- lists --------------------------------------------------------------------------------------

struct ncr_value ncr_list_make(struct ncr_eval *ev, uint32_t n, struct ncr_span span)
{
    if (n > NCR_LIMIT_LIST) {
        NCR_EVAL_REPORT(ev, LIST_LIMIT, span, (unsigned long long)n, NCR_LIMIT_LIST,
                        MAX_LIST_DEPTH);
        return ncr_value_error();
    }
    if (!ncr_eval_spend(ev, n)) return ncr_value_error();
    struct ncr_list *list = ncr_arena_alloc(ev->scratch, sizeof *list + n * sizeof list->at[0]);
    list->n = n;
    return (struct ncr_value){.kind = NCR_KIND_LIST, .as.list = list};
}

bool ncr_list_seal(struct ncr_eval *ev, struct ncr_value value, struct ncr_span span)
{
    struct ncr_list *list = (struct ncr_list *)value.as.list; // made here a moment ago
    uint64_t total = list->n;
    list->depth = 1;
    for (uint32_t i = 0; i < list->n; i++) {
        list->undecided |= ncr_is_lifted(list->at[i]);
        if (list->at[i].kind != NCR_KIND_LIST) continue;
        list->undecided |= list->at[i].as.list->undecided;
        total += list->at[i].as.list->total;
        if (list->at[i].as.list->depth >= list->depth) list->depth = list->at[i].as.list->depth + 1;
    }
    list->total = (uint32_t)(total < UINT32_MAX ? total : UINT32_MAX);
    if (total <= NCR_LIMIT_LIST && list->depth <= MAX_LIST_DEPTH) return true;
    NCR_EVAL_REPORT(ev, LIST_LIMIT, span, (unsigned long long)total, NCR_LIMIT_LIST,
                    MAX_LIST_DEPTH);
    return false;
}

struct ncr_value ncr_eval_list(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value value = ncr_list_make(ev, code->n_kids, code->span);
    if (value.kind == NCR_KIND_ERROR) return value;
    struct ncr_list *list = (struct ncr_list *)value.as.list;
    bool good = true;
    for (uint32_t i = 0; i < code->n_kids; i++) {
        list->at[i] = ncr_eval_code(ev, code->kid[i]);
        good &= list->at[i].kind != NCR_KIND_ERROR;
    }
    return good && ncr_list_seal(ev, value, code->span) ? value : ncr_value_error();
}

// -- indices ------------------------------------------------------------------------------------

static struct ncr_value out_of_list(struct ncr_eval *ev, const struct ncr_code *code,
                                    struct ncr_value index, uint64_t n)
{
    NCR_EVAL_REPORT(ev, INDEX_RANGE, ncr_blame(ev->frame ? ev->frame->closure : NULL, code->kid[1]),
                    ncr_show(ev->reporter, index), (unsigned long long)n);
    return ncr_value_error();
}

// The indices [*begin, *end) that a range of ints names; false where it is none of step 1.
static bool span_of(const struct ncr_range *range, int64_t *begin, int64_t *end)
{
    if (range->low.kind != NCR_KIND_INT || range->pow2 || range->step.as.i != 1) return false;
    *begin = range->low.as.i;
    *end = range->high.as.i;
    if (range->closed && *end < INT64_MAX) ++*end;
    return true;
}

static struct ncr_value data_part(struct ncr_eval *ev, const struct ncr_code *code,
                                  const struct ncr_data_ref *ref, struct ncr_value index)
{
    int64_t begin, end;
    bool good = index.kind == NCR_KIND_RANGE && span_of(index.as.range, &begin, &end);
    if (!good) {
        NCR_EVAL_REPORT(ev, DATA_RANGE, code->kid[1]->span, ncr_show(ev->reporter, index));
        return ncr_value_error();
    }
    uint64_t length = ref->end == UINT64_MAX ? UINT64_MAX : ref->end - ref->begin;
    if (begin < 0 || end <= begin || (uint64_t)end > length) {
        NCR_EVAL_REPORT(ev, DATA_RANGE, code->kid[1]->span, ncr_show(ev->reporter, index));
        return ncr_value_error();
    }
    struct ncr_data_ref *part = NCR_NEW(ev->scratch, struct ncr_data_ref);
    *part = *ref;
    part->begin = ref->begin + (uint64_t)begin;
    part->end = ref->begin + (uint64_t)end;
    part->span = code->span;
    return (struct ncr_value){.kind = NCR_KIND_DATA, .as.data = part};
}

// base, index → the item or the slice
static struct ncr_value item_of(struct ncr_eval *ev, void *user, const struct ncr_value *args)
{
    const struct ncr_code *code = user;
    struct ncr_value base = args[0], index = args[1];
    if (base.kind == NCR_KIND_DATA) return data_part(ev, code, base.as.data, index);
    if (!ncr_value_is(base, K(LIST) | K(RANGE))) {
        NCR_EVAL_REPORT(ev, NOT_INDEXABLE, code->kid[0]->span, ncr_show(ev->reporter, base));
        return ncr_value_error();
    }
    uint64_t n = base.kind == NCR_KIND_LIST ? base.as.list->n : ncr_range_count(base.as.range);
    if (index.kind == NCR_KIND_INT) {
        if (index.as.i < 0 || (uint64_t)index.as.i >= n) return out_of_list(ev, code, index, n);
        if (base.kind == NCR_KIND_RANGE) return ncr_range_at(base.as.range, (uint64_t)index.as.i);
        return base.as.list->at[index.as.i];
    }
    int64_t begin, end;
    if (base.kind != NCR_KIND_LIST || index.kind != NCR_KIND_RANGE ||
        !span_of(index.as.range, &begin, &end)) {
        NCR_EVAL_REPORT(ev, INDEX_KIND, code->kid[1]->span, ncr_show(ev->reporter, index));
        return ncr_value_error();
    }
    if (begin < 0 || end < begin || (uint64_t)end > n) return out_of_list(ev, code, index, n);
    struct ncr_value part = ncr_list_make(ev, (uint32_t)(end - begin), code->span);
    if (part.kind == NCR_KIND_ERROR) return part;
    struct ncr_list *list = (struct ncr_list *)part.as.list;
    for (uint32_t i = 0; i < list->n; i++)
        list->at[i] = base.as.list->at[begin + i];
    return ncr_list_seal(ev, part, code->span) ? part : ncr_value_error();
}

struct ncr_value ncr_eval_index(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value args[2] = {ncr_eval_code(ev, code->kid[0]), ncr_eval_code(ev, code->kid[1])};
    if (args[0].kind == NCR_KIND_ERROR || args[1].kind == NCR_KIND_ERROR) return ncr_value_error();
    // A list keeps its undecided items apart where the index is known.
    if (args[0].kind == NCR_KIND_LIST && !ncr_is_lifted(args[1]))
        return item_of(ev, (void *)code, args);
    return ncr_lift(ev, args, 2, item_of, (void *)code);
}

// -- members ------------------------------------------------------------------------------------

enum member {
#define NCR_MEMBER_ROW(NAME, ...) MEMBER_##NAME,
#include "compiler/sema/members.def"
#undef NCR_MEMBER_ROW
    MEMBER_COUNT
};

static const char *const members[] = {
#define NCR_MEMBER_ROW(NAME, name, ...) name,
#include "compiler/sema/members.def"
#undef NCR_MEMBER_ROW
};

static struct ncr_value shape_list(struct ncr_eval *ev, const struct ncr_code *code,
                                   const struct ncr_shape *shape)
{
    struct ncr_value value = ncr_list_make(ev, shape->rank, code->span);
    if (value.kind == NCR_KIND_ERROR) return value;
    struct ncr_list *list = (struct ncr_list *)value.as.list;
    for (uint32_t i = 0; i < shape->rank; i++)
        list->at[i] = ncr_value_int(shape->dim[i]);
    ncr_list_seal(ev, value, code->span);
    return value;
}

// The member of a tensor, by its shape.
static struct ncr_value shape_member(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct ncr_code *code = user;
    const struct ncr_shape *shape = ncr_shape_at(ev, *v);
    struct ncr_str names[MEMBER_COUNT];
    for (uint32_t i = 0; i < MEMBER_COUNT; i++) {
        names[i] = ncr_str_of(members[i]);
        if (!ncr_str_eq(names[i], code->text)) continue;
        enum member m = (enum member)i;
        if (m == MEMBER_SHAPE) return shape_list(ev, code, shape);
        if (m == MEMBER_RANK) return ncr_value_int(shape->rank);
        if (m == MEMBER_ELEMENTS) return ncr_value_int(ncr_shape_elements(shape));
        uint32_t rank = m == MEMBER_SIZE ? 1 : 3;
        if (shape->rank == rank)
            return ncr_value_int(shape->dim[m == MEMBER_HEIGHT ? 1 : m == MEMBER_WIDTH ? 2 : 0]);
        NCR_EVAL_REPORT(ev, MEMBER_RANK, code->name_span, members[i], rank, rank == 1 ? "" : "s",
                        ncr_show_shape(ev->reporter, shape));
        return ncr_value_error();
    }
    struct ncr_diag *d = NCR_EVAL_REPORT(ev, UNKNOWN_MEMBER, code->name_span, "a tensor",
                                         ncr_show_str(ev->reporter, code->text));
    ncr_report_nearest(ev->reporter, d, code->text, names, MEMBER_COUNT);
    return ncr_value_error();
}

static struct ncr_value data_member(struct ncr_eval *ev, const struct ncr_code *code,
                                    const struct ncr_item *item)
{
    static const char *const splits[] = {"train", "valid", "test"};
    struct ncr_str names[NCR_COUNT(splits)];
    for (uint32_t i = 0; i < NCR_COUNT(splits); i++) {
        names[i] = ncr_str_of(splits[i]);
        if (!ncr_item_is(item, "data") || !ncr_str_eq(names[i], code->text)) continue;
        if (!item->spec) return ncr_value_error(); // its declaration is wrong
        struct ncr_data_ref *ref = NCR_NEW(ev->scratch, struct ncr_data_ref);
        *ref = (struct ncr_data_ref){
            .data = item->spec, .split = (enum ncr_split)i, .end = UINT64_MAX, .span = code->span};
        return (struct ncr_value){.kind = NCR_KIND_DATA, .as.data = ref};
    }
    struct ncr_str what = ncr_str_fmt(ev->scratch, "%s `%s`", ncr_item_kind_name(item),
                                      ncr_show_str(ev->reporter, item->name));
    struct ncr_diag *d = NCR_EVAL_REPORT(ev, UNKNOWN_MEMBER, code->name_span, what.s,
                                         ncr_show_str(ev->reporter, code->text));
    if (ncr_item_is(item, "data"))
        ncr_report_nearest(ev->reporter, d, code->text, names, NCR_COUNT(splits));
    return ncr_value_error();
}

// A member of anything but a tensor.
static struct ncr_value member_of(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct ncr_code *code = user;
    struct ncr_value base = *v;
    if (base.kind == NCR_KIND_DECLARATION) return data_member(ev, code, base.as.item);
    if (base.kind == NCR_KIND_RECORD) {
        const struct ncr_record *r = base.as.record;
        ncr_eval_spend(ev, r->n / 8);
        for (uint32_t i = 0; i < r->n; i++)
            if (ncr_str_eq(r->labels[i], code->text)) return r->at[i];
    }
    struct ncr_diag *d =
        NCR_EVAL_REPORT(ev, UNKNOWN_MEMBER, code->name_span, ncr_show(ev->reporter, base),
                        ncr_show_str(ev->reporter, code->text));
    if (base.kind == NCR_KIND_RECORD)
        ncr_report_nearest(ev->reporter, d, code->text, base.as.record->labels, base.as.record->n);
    return ncr_value_error();
}

struct ncr_value ncr_eval_member(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value base = ncr_eval_code(ev, code->kid[0]);
    if (base.kind == NCR_KIND_ERROR) return base;
    struct ncr_value argument;
    if (ev->rewrite && base.kind == NCR_KIND_TENSOR &&
        ncr_eval_matched(ev, base.as.tensor, code->text, &argument))
        return argument;
    if (ncr_lift_may(ev, base, K(TENSOR)) && ev->space) {
        struct ncr_value shape = ncr_symbol_shape(ev, base);
        return ncr_lift(ev, &shape, 1, shape_member, (void *)code);
    }
    // A record keeps its undecided parts apart.
    if (base.kind == NCR_KIND_RECORD) return member_of(ev, (void *)code, &base);
    return ncr_lift(ev, &base, 1, member_of, (void *)code);
}
