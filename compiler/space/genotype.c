// Genotypes to text and JSON, and back.
#include "compiler/space/genotype.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lang/ast.h"

// -- writing ------------------------------------------------------------------------------------

static struct ncr_str relative(const struct ncr_space *space, struct ncr_str path)
{
    struct ncr_str net = space->name;
    if (path.n > net.n && memcmp(path.s, net.s, net.n) == 0) {
        path.s += net.n;
        path.n -= net.n;
        if (path.s[0] == '/') path.s++, path.n--;
    }
    return path;
}

// A word or a number as it is; anything else that is no list is a string.
static void write_value(const struct ncr_space *space, uint32_t d, const uint32_t *taken,
                        struct ncr_buf *out)
{
    ncr_buf_str(out, ncr_space_text(space, d, taken[d], taken));
}

static void genes(const struct ncr_space *space, const uint32_t *taken, const char *before,
                  const char *after, struct ncr_buf *out)
{
    for (uint32_t d = 0; d < space->decisions.n; d++) {
        if (!ncr_space_exists(space, d, taken)) continue;
        ncr_buf_puts(out, before);
        ncr_buf_str(out, relative(space, space->decisions.at[d].path));
        ncr_buf_puts(out, " = ");
        write_value(space, d, taken, out);
        ncr_buf_puts(out, after);
    }
}

void ncr_genotype_text(const struct ncr_space *space, const uint32_t *taken, struct ncr_buf *out)
{
    ncr_buf_fmt(out, "%.*s {\n", NCR_STR_ARG(space->name));
    genes(space, taken, "    ", ";\n", out);
    ncr_buf_puts(out, "}\n");
}

void ncr_genotype_line(const struct ncr_space *space, const uint32_t *taken, struct ncr_buf *out)
{
    ncr_buf_fmt(out, "%.*s {", NCR_STR_ARG(space->name));
    genes(space, taken, " ", ";", out);
    ncr_buf_puts(out, " }");
}

void ncr_genotype_json(const struct ncr_space *space, const uint32_t *taken, struct ncr_json *json)
{
    ncr_json_object(json);
    ncr_json_key_str(json, "schema", NCR_STR("nacre.genotype/1"));
    ncr_json_key_str(json, "net", space->name);
    ncr_json_key(json, "genes");
    ncr_json_object(json);
    for (uint32_t d = 0; d < space->decisions.n; d++) {
        if (!ncr_space_exists(space, d, taken)) continue;
        struct ncr_str path = relative(space, space->decisions.at[d].path);
        struct ncr_buf key = {0};
        ncr_buf_str(&key, path);
        ncr_json_key_str(json, key.s ? key.s : "", ncr_space_text(space, d, taken[d], taken));
        ncr_buf_free(&key);
    }
    ncr_json_end(json);
    ncr_json_end(json);
}

// -- reading ------------------------------------------------------------------------------------

static struct ncr_str trimmed(struct ncr_str s)
{
    while (s.n && strchr(" \t\r\n", s.s[0]))
        s.s++, s.n--;
    while (s.n && strchr(" \t\r\n", s.s[s.n - 1]))
        s.n--;
    return s;
}

enum ncr_status ncr_genes_parse(struct ncr_arena *arena, struct ncr_str text,
                                struct ncr_genes_given *out, struct ncr_error *err)
{
    while (text.n) {
        uint32_t end = 0, brackets = 0;
        for (; end < text.n && (text.s[end] != ';' || brackets); end++)
            brackets += (text.s[end] == '[') - (text.s[end] == ']' && brackets);
        struct ncr_str one = trimmed((struct ncr_str){text.s, end});
        text.s += end;
        text.n -= end;
        if (text.n) text.s++, text.n--;
        if (one.n == 0) continue;
        const char *equals = memchr(one.s, '=', one.n);
        uint32_t at = equals ? (uint32_t)(equals - one.s) : one.n;
        struct ncr_gene gene = {
            .path = trimmed((struct ncr_str){one.s, at}),
            .value =
                equals ? trimmed((struct ncr_str){one.s + at + 1, one.n - at - 1}) : NCR_STR(""),
            .span = NCR_NOWHERE};
        if (!gene.path.n || !gene.value.n)
            return ncr_fail(err, NCR_USAGE, "`%.*s` is not path=value", NCR_STR_ARG(one));
        ncr_vec_push(arena, &out->genes, gene);
    }
    return NCR_OK;
}

static struct ncr_str text_of(const struct ncr_diags *diags, struct ncr_span span)
{
    struct ncr_str all = ncr_sources_text(diags->sources, span.file);
    if (span.end > all.n || span.begin > span.end) return NCR_STR("");
    return trimmed((struct ncr_str){all.s + span.begin, span.end - span.begin});
}

static bool read_text(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file,
                      struct ncr_genes_given *out)
{
    struct ncr_syntax *syntax = ncr_parse_genotype(arena, diags, file);
    if (!syntax || !syntax->root || diags->n_errors) return false;
    const struct ncr_ast *root = syntax->root;
    out->net = root->text;
    for (uint32_t i = 0; i < root->n_kids; i++) {
        const struct ncr_ast *ast = root->kid[i];
        struct ncr_buf path = {0};
        for (uint32_t k = 1; k < ast->n_kids; k++) {
            const struct ncr_ast *segment = ast->kid[k];
            if (k > 1) ncr_buf_putc(&path, '/');
            ncr_buf_str(&path, segment->text);
            for (uint32_t j = 0; j < segment->n_kids; j++)
                ncr_buf_fmt(&path, "[%lld]", (long long)segment->kid[j]->value.i);
        }
        struct ncr_gene gene = {.span = ast->span};
        gene.path = ncr_str_dup(arena, (struct ncr_str){path.s ? path.s : "", (uint32_t)path.n});
        gene.value = text_of(diags, ast->kid[0]->span);
        ncr_buf_free(&path);
        ncr_vec_push(arena, &out->genes, gene);
    }
    return true;
}

static struct ncr_str json_text(struct ncr_arena *arena, const json_t *value)
{
    if (json_is_string(value)) return ncr_str_dup(arena, ncr_str_of(json_string_value(value)));
    if (json_is_integer(value))
        return ncr_str_fmt(arena, "%lld", (long long)json_integer_value(value));
    if (json_is_boolean(value)) return ncr_str_of(json_is_true(value) ? "true" : "false");
    if (json_is_real(value)) {
        struct ncr_buf out = {0};
        ncr_buf_f64(&out, json_real_value(value));
        struct ncr_str kept = ncr_str_dup(arena, (struct ncr_str){out.s, (uint32_t)out.n});
        ncr_buf_free(&out);
        return kept;
    }
    if (!json_is_array(value)) return NCR_STR("");
    struct ncr_str text = NCR_STR("[");
    for (size_t i = 0; i < json_array_size(value); i++)
        text = ncr_str_fmt(arena, "%.*s%s%.*s", NCR_STR_ARG(text), i ? ", " : "",
                           NCR_STR_ARG(json_text(arena, json_array_get(value, i))));
    return ncr_str_fmt(arena, "%.*s]", NCR_STR_ARG(text));
}

static bool read_json(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file,
                      struct ncr_genes_given *out)
{
    struct ncr_str text = ncr_sources_text(diags->sources, file);
    struct ncr_span whole = {file, 0, text.n < 1 ? 0 : 1};
    json_error_t error;
    json_t *root = json_loadb(text.s, text.n, JSON_REJECT_DUPLICATES, &error);
    json_t *genes = json_object_get(root, "genes");
    if (!json_is_object(genes)) {
        if (root)
            NCR_DIAG(diags, GENOTYPE_JSON, whole, "there is no object `genes`");
        else
            NCR_DIAG(diags, GENOTYPE_JSON, whole, error.text);
        json_decref(root);
        return false;
    }
    if (json_is_string(json_object_get(root, "net")))
        out->net = ncr_str_dup(arena, ncr_str_of(json_string_value(json_object_get(root, "net"))));
    const char *key;
    json_t *value;
    json_object_foreach(genes, key, value)
    {
        struct ncr_gene gene = {.span = whole};
        gene.path = ncr_str_dup(arena, ncr_str_of(key));
        gene.value = json_text(arena, value);
        ncr_vec_push(arena, &out->genes, gene);
    }
    json_decref(root);
    return true;
}

bool ncr_genes_read(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file,
                    struct ncr_genes_given *out)
{
    struct ncr_str text = trimmed(ncr_sources_text(diags->sources, file));
    return text.n && text.s[0] == '{' ? read_json(arena, diags, file, out)
                                      : read_text(arena, diags, file, out);
}

// -- meaning ------------------------------------------------------------------------------------

// Two writings of one value: the same but for blanks and quotes, or equal numbers.
static bool same_value(struct ncr_str a, struct ncr_str b)
{
    uint32_t i = 0, k = 0;
    for (;;) {
        while (i < a.n && (a.s[i] == ' ' || a.s[i] == '"'))
            i++;
        while (k < b.n && (b.s[k] == ' ' || b.s[k] == '"'))
            k++;
        if (i == a.n || k == b.n) break;
        if (a.s[i] != b.s[k]) break;
        i++, k++;
    }
    if (i == a.n && k == b.n) return true;
    char x[64], y[64], *end_x, *end_y;
    if (a.n >= sizeof x || b.n >= sizeof y || !a.n || !b.n) return false;
    memcpy(x, a.s, a.n), x[a.n] = 0;
    memcpy(y, b.s, b.n), y[b.n] = 0;
    double u = strtod(x, &end_x), v = strtod(y, &end_y);
    return !*end_x && !*end_y && u == v;
}

static void bad_path(const struct ncr_space *space, struct ncr_diags *diags,
                     const struct ncr_gene *gene)
{
    struct ncr_diag *d = NCR_DIAG(diags, GENE_PATH, gene->span,
                                  ncr_str_fmt(diags->arena, "%.*s", NCR_STR_ARG(gene->path)).s);
    struct ncr_str *names = NCR_NEW_N(diags->arena, struct ncr_str, space->decisions.n);
    for (uint32_t i = 0; i < space->decisions.n; i++)
        names[i] = relative(space, space->decisions.at[i].path);
    struct ncr_str near = ncr_diag_nearest(gene->path, names, space->decisions.n), list = near;
    if (near.n) {
        ncr_diag_help(diags, d, "did you mean `%.*s`?", NCR_STR_ARG(near));
        return;
    }
    for (uint32_t i = 0; i < space->decisions.n && i < 8; i++)
        list = ncr_str_fmt(diags->arena, "%.*s%s%.*s", NCR_STR_ARG(list), i ? ", " : "",
                           NCR_STR_ARG(names[i]));
    ncr_diag_help(diags, d, "its decisions are %.*s%s", NCR_STR_ARG(list),
                  space->decisions.n > 8 ? ", …" : "");
}

static void bad_value(const struct ncr_space *space, struct ncr_diags *diags,
                      const struct ncr_gene *gene, uint32_t d, const uint32_t *taken)
{
    struct ncr_str list = NCR_STR("");
    for (uint32_t k = 0; k < space->decisions.at[d].n; k++) {
        if (k == 8) {
            list = ncr_str_fmt(diags->arena, "%.*s, …", NCR_STR_ARG(list));
            break;
        }
        list = ncr_str_fmt(diags->arena, "%.*s%s%.*s", NCR_STR_ARG(list), k ? ", " : "",
                           NCR_STR_ARG(ncr_space_text(space, d, k, taken)));
    }
    NCR_DIAG(diags, GENE_VALUE, gene->span,
             ncr_str_fmt(diags->arena, "%.*s", NCR_STR_ARG(space->decisions.at[d].path)).s,
             ncr_str_fmt(diags->arena, "%.*s", NCR_STR_ARG(list)).s,
             ncr_str_fmt(diags->arena, "%.*s", NCR_STR_ARG(gene->value)).s);
}

bool ncr_genotype_resolve(const struct ncr_space *space, struct ncr_diags *diags,
                          const struct ncr_genes_given *genes, uint32_t *given, uint32_t *open)
{
    uint32_t n = space->decisions.n, errors = diags->n_errors;
    uint32_t *gene_of = NCR_NEW_N(diags->arena, uint32_t, n),
             *taken = NCR_NEW_N(diags->arena, uint32_t, (size_t)n + 1);
    *open = NCR_UNSET;
    if (genes->net.n && !ncr_str_eq(genes->net, space->name))
        NCR_DIAG(diags, GENOTYPE_NET, genes->genes.n ? genes->genes.at[0].span : NCR_NOWHERE,
                 ncr_str_fmt(diags->arena, "%.*s", NCR_STR_ARG(genes->net)).s,
                 ncr_str_fmt(diags->arena, "%.*s", NCR_STR_ARG(space->name)).s);
    for (uint32_t g = 0; g < genes->genes.n; g++) {
        struct ncr_str path = relative(space, genes->genes.at[g].path);
        uint32_t d = 0;
        while (d < n && !ncr_str_eq(relative(space, space->decisions.at[d].path), path))
            d++;
        if (d < n)
            gene_of[d] = g + 1;
        else
            bad_path(space, diags, &genes->genes.at[g]);
    }
    for (uint32_t d = 0; d < n; d++) {
        given[d] = NCR_UNSET;
        bool exists = ncr_space_exists(space, d, taken);
        if (!gene_of[d]) {
            if (exists && *open == NCR_UNSET) *open = d;
            continue;
        }
        const struct ncr_gene *gene = &genes->genes.at[gene_of[d] - 1];
        // Where earlier decisions are open it may come to exist.
        if (!exists && *open == NCR_UNSET) {
            struct ncr_diag *diag =
                NCR_DIAG(diags, GENE_ABSENT, gene->span,
                         ncr_str_fmt(diags->arena, "%.*s", NCR_STR_ARG(gene->path)).s);
            (void)diag;
            continue;
        }
        for (uint32_t k = 0; k < space->decisions.at[d].n && given[d] == NCR_UNSET; k++)
            if (same_value(ncr_space_text(space, d, k, taken), gene->value)) given[d] = k;
        if (given[d] == NCR_UNSET)
            bad_value(space, diags, gene, d, taken);
        else
            taken[d] = given[d];
    }
    if (*open == NCR_UNSET)
        for (uint32_t d = 0; d < n; d++)
            given[d] = taken[d];
    return diags->n_errors == errors;
}
