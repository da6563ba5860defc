// Numbers and strings to text.
#include "runtime/standalone/text.h"

#include "runtime/standalone/system.h"

void text_flush(struct text *t)
{
    for (size_t at = 0; at < t->n;) {
        long n = system_write(t->to, t->bytes + at, t->n - at);
        if (n <= 0) {
            t->failed = 1;
            break;
        }
        at += (size_t)n;
    }
    t->n = 0;
}

void text_put(struct text *t, const char *s)
{
    for (; *s; s++) {
        if (t->n == sizeof t->bytes) text_flush(t);
        t->bytes[t->n++] = *s;
    }
    if (t->n && t->bytes[t->n - 1] == '\n') text_flush(t);
}

uint64_t text_divide(uint64_t a, uint64_t b)
{
    uint64_t q = 0, rest = 0;
    for (int i = 63; i >= 0; i--) {
        uint64_t carry = rest >> 63;
        rest = rest << 1 | (a >> i & 1);
        if (carry || rest >= b) {
            rest -= b;
            q |= UINT64_C(1) << i;
        }
    }
    return q;
}

// At least `least` digits.
static void digits(struct text *t, uint64_t v, int least)
{
    char s[24];
    size_t at = sizeof s;
    s[--at] = 0;
    for (; v || least > 0; least--) {
        uint64_t tenth = text_divide(v, 10);
        s[--at] = (char)('0' + (int)(v - 10 * tenth));
        v = tenth;
    }
    text_put(t, s + at);
}

void text_number(struct text *t, uint64_t v)
{
    digits(t, v, 1);
}

void text_signed(struct text *t, int64_t v)
{
    if (v < 0) text_put(t, "-");
    digits(t, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 1);
}

void text_real(struct text *t, double factor, int32_t k, int decimals)
{
    union {
        double real;
        uint64_t bits;
    } f = {factor};
    // factor = mantissa·2^-shift; the product has at most 53 + 9 bits for what a byte can hold, and
    // without the last five bits of the factor 48 + 16 for what 16 bits can.
    uint64_t mantissa = f.bits & ((UINT64_C(1) << 52) - 1), power = f.bits >> 52 & 2047;
    if (power) mantissa |= UINT64_C(1) << 52;
    uint64_t times = (uint64_t)(k < 0 ? -(int64_t)k : k);
    int cut = times >> 11 ? 5 : 0, shift = 1075 - cut - (int)(power ? power : 1);
    uint64_t v = (mantissa >> cut) * times;
    if (k < 0) text_put(t, "-");
    if (shift <= 0) { // a whole number
        digits(t, shift > -10 ? v << -shift : UINT64_MAX, 1);
        return;
    }
    if (shift > 60) { // digits behind the twelfth are lost, no other
        v = shift - 60 < 64 ? v >> (shift - 60) : 0;
        shift = 60;
    }
    uint64_t one = UINT64_C(1) << shift, whole = v >> shift, rest = v & (one - 1), part = 0,
             scale = 1;
    for (int i = 0; i < decimals; i++) {
        rest *= 10;
        part = 10 * part + (rest >> shift);
        scale *= 10;
        rest &= one - 1;
    }
    if (rest > one / 2 || (rest == one / 2 && part % 2)) part++;
    if (part == scale) {
        part = 0;
        whole++;
    }
    digits(t, whole, 1);
    text_put(t, ".");
    digits(t, part, decimals);
}

int text_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}
