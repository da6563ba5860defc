// Lowers blocks, nets and global lets: first the headers of all, so that calls can be resolved,
// then the bodies.
#include "compiler/sema/lower.h"

#define K(NAME) NCR_KIND_BIT(NAME)

// -- headers ------------------------------------------------------------------------------------

static void type_of(struct ncr_lower *lo, const struct ncr_ast *type, struct ncr_param_def *param)
{
    param->type = NCR_TYPE_ANY;
    if (!type) return;
    if (ncr_type_find(type->text, &param->type)) return;
    if (ncr_dimension_find(type->text, &param->dimension)) {
        param->is_quantity = true;
        return;
    }
    struct ncr_diag *d =
        NCR_REPORT(lo->reporter, UNKNOWN_TYPE, type->span, ncr_show_str(lo->reporter, type->text));
    struct ncr_str names[NCR_TYPE_COUNT_ + NCR_DIMENSION_COUNT_];
    uint32_t n = 0;
    for (; n < NCR_TYPE_COUNT_; n++)
        names[n] = ncr_str_of(ncr_type_name((enum ncr_type_name)n));
#define NCR_DIMENSION_ROW(NAME, name, ...) names[n++] = NCR_STR(name);
#include "compiler/sema/dimensions.def"
#undef NCR_DIMENSION_ROW
    ncr_report_nearest(lo->reporter, d, type->text, names, n);
}

// Lists of parameters are searched by name at each call, so their length is bounded.
static bool check_count(struct ncr_lower *lo, const struct ncr_ast *list)
{
    if (list->n_kids <= NCR_LIMIT_PARAMS) return true;
    NCR_REPORT(lo->reporter, PARAM_LIMIT, list->kid[NCR_LIMIT_PARAMS]->span, list->n_kids,
               NCR_LIMIT_PARAMS);
    lo->item->def->wrong = true;
    return false;
}

static struct ncr_param_def *params_of(struct ncr_lower *lo, const struct ncr_ast *list,
                                       uint32_t *n)
{
    if (!check_count(lo, list)) {
        *n = 0;
        return NULL;
    }
    struct ncr_param_def *params = NCR_NEW_N(lo->arena, struct ncr_param_def, list->n_kids);
    *n = list->n_kids;
    for (uint32_t i = 0; i < list->n_kids; i++) {
        const struct ncr_ast *ast = list->kid[i];
        params[i].name = ast->text;
        params[i].span = ast->name_span.file ? ast->name_span : ast->span;
        params[i].has_default = ast->n_kids > 1 && ast->kid[1];
        type_of(lo, ast->n_kids ? ast->kid[0] : NULL, &params[i]);
    }
    return params;
}

static bool is_typed(const struct ncr_ast *param)
{
    return param->n_kids && param->kid[0];
}

// In a single list, tensors stand for tensors: a net's always, a block's where a parameter is a
// tensor or has no type.
static bool holds_tensors(const struct ncr_ast *list, const struct ncr_param_def *params,
                          bool is_net)
{
    if (list->n_kids == 0) return is_net;
    for (uint32_t i = 0; i < list->n_kids; i++)
        if (params[i].type == NCR_TYPE_TENSOR || !is_typed(list->kid[i])) return true;
    return is_net;
}

static bool check_list(struct ncr_lower *lo, const struct ncr_ast *list,
                       const struct ncr_param_def *params, bool tensors)
{
    for (uint32_t i = 0; i < list->n_kids; i++) {
        bool is_tensor = params[i].type == NCR_TYPE_TENSOR || (!is_typed(list->kid[i]) && tensors);
        if (is_tensor == tensors && !(tensors && params[i].is_quantity)) continue;
        struct ncr_diag *d =
            NCR_REPORT(lo->reporter, MIXED_PARAMETERS, params[i].span,
                       ncr_show_str(lo->reporter, params[i].name),
                       tensors ? "is no tensor, and stands" : "is a tensor, and stands",
                       tensors ? "among the tensors" : "among the parameters");
        ncr_report_help(lo->reporter, d,
                        "parameters first, tensors in a second list: f(n: int)(x: tensor)");
        return false;
    }
    return true;
}

void ncr_lower_header(struct ncr_lower *lo, struct ncr_item *item)
{
    const struct ncr_ast *ast = item->ast;
    struct ncr_def *def = item->def;
    if (ast->kind == NCR_AST_NET_VALUE) return;
    const struct ncr_ast *first = ast->kid[0], *second = ast->kid[1];
    def->params = params_of(lo, first, &def->n_params);
    if (ast->n_kids > 2 && ast->kid[2]) check_count(lo, ast->kid[2]);
    if (def->wrong) return;
    if (second) {
        def->inputs = params_of(lo, second, &def->n_inputs);
        def->has_inputs = true;
        if (def->wrong) return;
        def->wrong = !check_list(lo, first, def->params, false);
        def->wrong |= !check_list(lo, second, def->inputs, true);
    } else if (!def->wrong && holds_tensors(first, def->params, def->is_net)) {
        def->inputs = def->params;
        def->n_inputs = def->n_params;
        def->params = NULL;
        def->n_params = 0;
        def->has_inputs = true;
        def->wrong = !check_list(lo, first, def->inputs, true);
    }
    if (def->has_inputs && def->n_inputs == 0) {
        NCR_REPORT(lo->reporter, NO_INPUT, item->name_span, ncr_item_kind_name(item),
                   ncr_show_str(lo->reporter, item->name));
        def->wrong = true;
    }
    for (uint32_t i = 0; i < def->n_inputs; i++)
        if (def->inputs[i].has_default)
            NCR_REPORT(lo->reporter, TENSOR_DEFAULT, def->inputs[i].span,
                       ncr_show_str(lo->reporter, def->inputs[i].name));
}

// -- bodies -------------------------------------------------------------------------------------

static void params(struct ncr_lower *lo, struct ncr_def *def, const struct ncr_ast *list)
{
    for (uint32_t i = 0; i < def->n_params; i++) {
        struct ncr_param_def *param = &def->params[i];
        uint32_t kinds = param->is_quantity ? K(QUANTITY) : ncr_type_kinds(param->type);
        if (list->kid[i]->n_annots) ncr_lower_annotations(lo, list->kid[i], false);
        if (param->has_default) {
            lo->around = param->name;
            param->fallback = ncr_lower_expr(lo, list->kid[i]->kid[1]);
            lo->around = NCR_STR("");
            const struct ncr_code *value = param->fallback;
            bool wrong = value->kinds != K(ERROR) && !(value->kinds & kinds);
            wrong |= param->is_quantity && value->known_dimension &&
                     !ncr_dimension_eq(value->dimension, param->dimension);
            if (wrong)
                NCR_REPORT(lo->reporter, WRONG_TYPE, value->span,
                           ncr_show_str(lo->reporter, param->name),
                           ncr_show_str(lo->reporter, def->name),
                           param->is_quantity ? ncr_show_quantity(lo->reporter, param->dimension)
                                              : ncr_show_kinds(lo->reporter, kinds),
                           ncr_show_code(lo->reporter, value));
        }
        if (param->type == NCR_TYPE_FLOAT && !param->is_quantity)
            kinds = K(FLOAT); // ints are converted
        struct ncr_local *local =
            ncr_lower_bind(lo, NCR_LOCAL_PARAM, param->name, param->span, kinds);
        local->known_dimension = param->is_quantity;
        local->dimension = param->dimension;
        param->slot = local->slot;
    }
}

static struct ncr_code *dimension(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_lower_expr(lo, ast);
    if (code->kinds == K(ERROR) || (code->kinds & K(INT))) return code;
    NCR_REPORT(lo->reporter, DIMENSION_KIND, ast->span, ncr_show_code(lo->reporter, code));
    return ncr_code_error(lo, ast);
}

static bool check_rank(struct ncr_lower *lo, const struct ncr_ast *type)
{
    if (type->n_kids == 0 || type->n_kids == 1 || type->n_kids == 3) return true;
    struct ncr_diag *d = NCR_REPORT(lo->reporter, TENSOR_RANK, type->span, type->n_kids);
    ncr_report_help(lo->reporter, d, "write tensor[N] or tensor[C, H, W]");
    return false;
}

static void inputs(struct ncr_lower *lo, struct ncr_def *def, const struct ncr_ast *list)
{
    for (uint32_t i = 0; i < def->n_inputs; i++) {
        struct ncr_param_def *input = &def->inputs[i];
        const struct ncr_ast *type = list->kid[i]->n_kids ? list->kid[i]->kid[0] : NULL;
        if (list->kid[i]->n_annots) ncr_lower_annotations(lo, list->kid[i], false);
        if (type && !check_rank(lo, type)) {
            input->wrong = true;
            type = NULL;
        }
        input->n_dims = type ? type->n_kids : 0;
        input->dims = NCR_NEW_N(lo->arena, struct ncr_code *, input->n_dims);
        input->dim_slots = NCR_NEW_N(lo->arena, uint32_t, input->n_dims);
        input->dim_spans = NCR_NEW_N(lo->arena, struct ncr_span, input->n_dims);
        input->dim_names = NCR_NEW_N(lo->arena, struct ncr_str, input->n_dims);
        for (uint32_t k = 0; k < input->n_dims; k++) {
            const struct ncr_ast *dim = type->kid[k];
            input->dim_spans[k] = dim->span;
            input->dim_names[k] = dim->text;
            uint32_t symbol = ncr_symbol(lo->arena, &lo->program->symbols, dim->text);
            bool binds = dim->kind == NCR_AST_NAME && !ncr_lower_local(lo, dim->text) &&
                         ncr_table_get(&lo->scope->names, symbol) == UINT32_MAX;
            if (binds)
                input->dim_slots[k] =
                    ncr_lower_bind(lo, NCR_LOCAL_SIZE, dim->text, dim->span, K(INT))->slot;
            else
                input->dims[k] = dimension(lo, dim);
        }
    }
    for (uint32_t i = 0; i < def->n_inputs; i++)
        def->inputs[i].slot =
            ncr_lower_bind(lo, NCR_LOCAL_INPUT, def->inputs[i].name, def->inputs[i].span, K(TENSOR))
                ->slot;
}

static void outs(struct ncr_lower *lo, struct ncr_def *def, const struct ncr_ast *list)
{
    def->n_outs = list->n_kids;
    def->outs = NCR_NEW_N(lo->arena, struct ncr_out_def, list->n_kids);
    for (uint32_t i = 0; i < list->n_kids; i++) {
        const struct ncr_ast *type = list->kid[i]->kid[0];
        struct ncr_out_def *out = &def->outs[i];
        *out = (struct ncr_out_def){.label = list->kid[i]->text, .span = type->span};
        enum ncr_type_name name;
        if (!ncr_type_find(type->text, &name) || name != NCR_TYPE_TENSOR) {
            NCR_REPORT(lo->reporter, OUTPUT_TYPE, type->span,
                       ncr_show_str(lo->reporter, type->text));
            continue;
        }
        if (!check_rank(lo, type)) continue;
        out->n_dims = type->n_kids;
        out->dims = NCR_NEW_N(lo->arena, struct ncr_code *, type->n_kids);
        for (uint32_t k = 0; k < type->n_kids; k++)
            out->dims[k] = dimension(lo, type->kid[k]);
        for (uint32_t k = 0; k < i; k++)
            if (ncr_str_eq(def->outs[k].label, out->label))
                NCR_REPORT(lo->reporter, REPEATED_ARGUMENT, list->kid[i]->name_span,
                           ncr_show_str(lo->reporter, out->label));
    }
}

static void check_result(struct ncr_lower *lo, const struct ncr_def *def)
{
    const struct ncr_code *body = def->body;
    uint32_t wanted = K(TENSOR) | K(RECORD);
    if (!def->has_inputs || body->kinds == K(ERROR) || (body->kinds & wanted)) return;
    const struct ncr_code *result = body->kid[body->n_kids - 1];
    struct ncr_diag *d =
        NCR_REPORT(lo->reporter, BODY_VALUE, result->span, ncr_item_kind_name(def->item),
                   ncr_show_str(lo->reporter, def->name), ncr_show_code(lo->reporter, result));
    if (body->kinds == K(LAYER))
        ncr_report_help(lo->reporter, d, "apply it to an input: %.*s |> …",
                        NCR_STR_ARG(def->inputs[0].name));
}

void ncr_lower_def(struct ncr_lower *lo, struct ncr_item *item)
{
    const struct ncr_ast *ast = item->ast;
    struct ncr_def *def = item->def;
    ncr_lower_begin(lo, item);
    if (ast->n_annots) ncr_lower_annotations(lo, ast, true);
    if (ast->kind == NCR_AST_NET_VALUE) {
        def->body = ncr_lower_root(lo, ast->kid[0]);
        if (def->body->kinds != K(ERROR) && !(def->body->kinds & K(LAYER)))
            NCR_REPORT(lo->reporter, NOT_A_NET, ast->kid[0]->span,
                       ncr_show_code(lo->reporter, def->body));
        def->body = ncr_lower_quant(lo, ast, def->body);
        def->n_slots = lo->n_slots;
        return;
    }
    if (def->wrong) {
        def->body = ncr_code_error(lo, ast);
        return;
    }
    uint32_t opened = ncr_lower_open(lo);
    const struct ncr_ast *tensors = ast->kid[1] ? ast->kid[1] : ast->kid[0];
    params(lo, def, ast->kid[0]);
    if (ast->n_kids > 3 && ast->kid[3]) def->bound = ncr_lower_condition(lo, ast->kid[3]);
    if (def->has_inputs) inputs(lo, def, tensors);
    if (ast->n_kids > 2 && ast->kid[2]) outs(lo, def, ast->kid[2]);
    const char *what = def->is_net ? "the net" : "the block";
    struct ncr_str name =
        ncr_str_fmt(lo->arena, "%s `%s`", what, ncr_show_str(lo->reporter, item->name));
    def->body = ncr_lower_value_body(lo, ast->kid[ast->n_kids - 1], name.s);
    check_result(lo, def);
    def->body = ncr_lower_quant(lo, ast, def->body);
    ncr_lower_close(lo, opened);
    def->n_slots = lo->n_slots;
}

void ncr_lower_program(struct ncr_program *program)
{
    struct ncr_lower lo = {
        .program = program, .reporter = &program->reporter, .arena = program->arena};
    for (uint32_t i = 0; i < program->items.n; i++) {
        struct ncr_item *item = program->items.at[i];
        ncr_lower_begin(&lo, item);
        if (item->def) ncr_lower_header(&lo, item);
    }
    // Lets first: what they hold is known where they are used.
    for (uint32_t i = 0; i < program->items.n; i++) {
        struct ncr_item *item = program->items.at[i];
        if (item->kind != NCR_ITEM_LET) continue;
        ncr_lower_begin(&lo, item);
        if (item->ast->n_annots) ncr_lower_annotations(&lo, item->ast, true);
        item->refs_at = program->refs.n;
        item->code = ncr_lower_named(&lo, item->ast->kid[0], item->name);
        item->code = ncr_lower_quant(&lo, item->ast, item->code);
        item->n_refs = program->refs.n - item->refs_at;
        item->n_slots = lo.n_slots;
    }
    for (uint32_t i = 0; i < program->items.n; i++) {
        struct ncr_item *item = program->items.at[i];
        if (item->kind == NCR_ITEM_LET || item->kind == NCR_ITEM_DECLARATION) continue;
        item->refs_at = program->refs.n;
        if (item->kind == NCR_ITEM_MUTATION)
            ncr_lower_mutation(&lo, item);
        else
            ncr_lower_def(&lo, item);
        item->n_refs = program->refs.n - item->refs_at;
    }
}
