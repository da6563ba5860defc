/* A C program around an emitted network: one picture in, ten scores out. The same source is a
 * program for a PC (with a C library) and, with NACRE_BARE, an image for a bare microcontroller. */
#include <stddef.h>
#include <stdint.h>

#include "digits.h"

#ifdef NACRE_BARE
#include "runtime/standalone/stack.h"
#include "runtime/standalone/system.h"
static void put(const char *text)
{
    size_t n = 0;
    while (text[n])
        n++;
    system_write(SYSTEM_OUT, text, n);
}
#else
#include <stdio.h>
#define put(text) fputs(text, stdout)
#endif

/* A seven. */
static const char *const picture[28] = {
    "                            ", "                            ", "                            ",
    "                            ", "                            ", "      ################      ",
    "      ################      ", "      ################      ", "                  ####      ",
    "                  ####      ", "                 ####       ", "                 ####       ",
    "                ####        ", "                ####        ", "               ####         ",
    "               ####         ", "              ####          ", "              ####          ",
    "             ####           ", "             ####           ", "            ####            ",
    "            ####            ", "           ####             ", "                            ",
    "                            ", "                            ", "                            ",
    "                            "};

/* What the network works in; no other memory is taken. */
static _Alignas(DIGITS_ARENA_ALIGN) uint8_t arena[DIGITS_ARENA_BYTES];

static void put_number(int v)
{
    char text[12];
    int n = 11;
    unsigned u = v < 0 ? (unsigned)-v : (unsigned)v;
    text[n] = 0;
    do
        text[--n] = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0) text[--n] = '-';
    put(text + n);
}

int main(void)
{
    static int8_t in[DIGITS_INPUT_0_BYTES], scores[DIGITS_OUTPUT_0_BYTES];
    const int8_t *ins[1] = {in};
    int8_t *outs[1] = {scores};
    int best = 0;
    /* The table holds the network's input for each pixel byte, as its training data were prepared.
     */
    const int8_t *pixels = nacre_pixels(digits_info());
    for (int y = 0; y < 28; y++)
        for (int x = 0; x < 28; x++)
            in[28 * y + x] = pixels[picture[y][x] == '#' ? 255 : 0];
    if (digits_init(arena, sizeof arena)) return 1;
#ifdef NACRE_BARE
    volatile unsigned char *top = stack_paint();
#endif
    digits_run(arena, ins, outs);
#ifdef NACRE_BARE
    const int stack = (int)stack_used(top);
#endif
    for (int i = 1; i < DIGITS_OUTPUT_0_BYTES; i++)
        if (scores[i] > scores[best]) best = i;
    put("class ");
    put_number(best);
    put(", scores");
    for (int i = 0; i < DIGITS_OUTPUT_0_BYTES; i++) {
        put(" ");
        put_number(scores[i]);
    }
    put("\n");
#ifdef NACRE_BARE
    put("stack ");
    put_number(stack);
    put(" bytes\n");
#endif
    return 0;
}
