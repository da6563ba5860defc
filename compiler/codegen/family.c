// The table of machine families and the choice among its rows.
#include <stdio.h>
#include <string.h>

#include "compiler/codegen/family.h"

static const struct ncr_family families[] = {
#define NCR_FAMILY_ROW(name, needs, lanes, lowering, biased, accumulators)                         \
    {#name, needs, lanes, &ncr_lowering_##lowering, biased, accumulators, false},
#define NCR_AMX_ROW(name, needs, lanes, lowering, biased, accumulators)                            \
    {#name, needs, lanes, &ncr_lowering_##lowering, biased, accumulators, true},
#include "compiler/codegen/family.def"
#undef NCR_FAMILY_ROW
#undef NCR_AMX_ROW
};

static bool has_feature(const char *features, const char *need, size_t n)
{
    for (const char *at = features; *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == n && memcmp(at, need, n) == 0) return true;
    return false;
}

bool ncr_family_feature(const char *features, const char *need)
{
    return has_feature(features, need, strlen(need));
}

// Whether one of the features in "a|b|c" is there.
static bool fits(const struct ncr_family *family, const char *features)
{
    const char *need = family->needs;
    if (!*need) return true;
    for (size_t n; *need; need += n + (need[n] == '|')) {
        n = strcspn(need, "|");
        if (has_feature(features, need, n)) return true;
    }
    return false;
}

enum ncr_status ncr_family_find(const char *name, const char *features,
                                const struct ncr_family **out, struct ncr_error *err)
{
    char list[256];
    size_t used = 0;
    for (size_t i = 0; i < NCR_COUNT(families); i++) {
        *out = &families[i];
        if (!name && fits(*out, features)) return NCR_OK;
        if (name && strcmp(name, families[i].name) == 0)
            return fits(*out, features)
                       ? NCR_OK
                       : ncr_fail(err, NCR_USAGE,
                                  "the machine family `%s` needs the feature %s, which the "
                                  "processor lacks",
                                  name, families[i].needs);
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 families[i].name);
    }
    return ncr_fail(err, NCR_USAGE, "there is no machine family `%s`; there are %s", name, list);
}
