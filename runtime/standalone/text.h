// Text of a program without a C library: lines are gathered in a buffer and written as a whole.
#ifndef NACRE_STANDALONE_TEXT_H
#define NACRE_STANDALONE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    int to; // SYSTEM_OUT or SYSTEM_ERROR
    int failed;
    size_t n;
    char bytes[1024];
};

void text_flush(struct text *t);
void text_put(struct text *t, const char *s);
void text_number(struct text *t, uint64_t v);
void text_signed(struct text *t, int64_t v);
// factor·k with `decimals` digits after the point (at most 12), rounded to nearest. In integers
// alone: small processors have no double precision.
void text_real(struct text *t, double factor, int32_t k, int decimals);

int text_equal(const char *a, const char *b);
// a / b, for machines that have no such instruction; b is not 0.
uint64_t text_divide(uint64_t a, uint64_t b);

#endif
