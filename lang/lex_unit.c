// Words that are units, from the table unit.def. What they measure is the checker's business.
#include "lang/lex.h"

static const struct unit {
    struct ncr_str text;
    const char *dimension;
} units[] = {
#define NCR_UNIT_ROW(text, DIMENSION, ...) {{text, sizeof(text) - 1}, #DIMENSION},
#include "lang/unit.def"
#undef NCR_UNIT_ROW
};

static const struct unit *find(struct ncr_str text)
{
    for (size_t i = 0; i < NCR_COUNT(units); i++)
        if (ncr_str_eq(units[i].text, text)) return &units[i];
    return NULL;
}

bool ncr_lex_is_unit(struct ncr_str text)
{
    return find(text) != NULL;
}

bool ncr_lex_unit_has_rate(struct ncr_str text)
{
    const struct unit *unit = find(text);
    return unit && strcmp(unit->dimension, "INFORMATION") == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_letters(struct ncr_str a, struct ncr_str b)
{
    if (a.n != b.n) return false;
    for (uint32_t i = 0; i < a.n; i++)
        if (lower(a.s[i]) != lower(b.s[i])) return false;
    return true;
}

struct ncr_str ncr_lex_unit_nearest(struct ncr_str text)
{
    static const struct {
        const char *often, *unit;
    } habits[] = {{"byte", "B"},  {"bytes", "B"},     {"bits", "bit"},  {"sec", "s"},
                  {"secs", "s"},  {"second", "s"},    {"seconds", "s"}, {"minute", "min"},
                  {"hour", "h"},  {"minutes", "min"}, {"hours", "h"},   {"cycle", "cycles"},
                  {"msec", "ms"}, {"usec", "us"},     {"joule", "J"},   {"watt", "W"}};
    for (size_t i = 0; i < NCR_COUNT(habits); i++)
        if (same_letters(text, ncr_str_of(habits[i].often))) return ncr_str_of(habits[i].unit);
    for (size_t i = 0; i < NCR_COUNT(units); i++)
        if (same_letters(text, units[i].text)) return units[i].text;
    // One slip in a word of three letters or more; shorter words are near to everything.
    for (size_t i = 0; text.n > 2 && i < NCR_COUNT(units); i++)
        if (units[i].text.n > 2 && ncr_str_distance(text, units[i].text, 1) <= 1)
            return units[i].text;
    return (struct ncr_str){"", 0};
}
