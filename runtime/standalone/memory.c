// The few functions that a compiler may call by itself.
#include <stddef.h>

void *memset(void *to, int value, size_t n);
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);

void *memset(void *to, int value, size_t n)
{
    unsigned char *at = to;
    while (n--)
        *at++ = (unsigned char)value;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    unsigned char *at = to;
    const unsigned char *in = from;
    while (n--)
        *at++ = *in++;
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    unsigned char *at = to;
    const unsigned char *in = from;
    for (size_t i = 0; at < in && i < n; i++)
        at[i] = in[i];
    while (at > in && n--)
        at[n] = in[n];
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;
    for (; n--; x++, y++)
        if (*x != *y) return *x < *y ? -1 : 1;
    return 0;
}
