// Every diagnostic of names, values, nets and declarations, with its position and full text: each
// file of tests/reject/sema ends in its expected output, in lines that start with "//| ".
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/check_text.h"

static const char folder[] = NACRE_SOURCE_DIR "/tests/reject/sema/";

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s", path);
    char *text = calloc(1, 1 << 16);
    size_t n = fread(text, 1, (1 << 16) - 1, file);
    cr_assert(n < (1 << 16) - 1);
    fclose(file);
    return text;
}

// The lines after the first "//| ", without the mark.
static struct ncr_buf expected_of(const char *text)
{
    struct ncr_buf out = {0};
    const char *line = strstr(text, "//| ");
    while (line && strncmp(line, "//|", 3) == 0) {
        const char *end = strchr(line, '\n');
        const char *from = line[3] == ' ' ? line + 4 : line + 3;
        if (end > from) ncr_buf_put(&out, from, (size_t)(end - from));
        ncr_buf_putc(&out, '\n');
        line = end ? end + 1 : NULL;
    }
    return out;
}

// Without the folder before file names, and without blanks at line ends.
static struct ncr_buf plain(const struct ncr_buf *text)
{
    struct ncr_buf out = {0};
    for (const char *s = text->s; s && *s;) {
        if (strncmp(s, folder, sizeof folder - 1) == 0) {
            s += sizeof folder - 1;
            continue;
        }
        size_t blanks = strspn(s, " ");
        if (blanks == 0)
            ncr_buf_putc(&out, *s++);
        else if (s[blanks] != '\n')
            ncr_buf_put(&out, s, blanks);
        s += blanks;
    }
    return out;
}

Test(sema_reject, every_file_gives_its_diagnostics)
{
    DIR *dir = opendir(folder);
    cr_assert(dir);
    static bool seen[NCR_N_COUNT_];
    uint32_t files = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        size_t n = strlen(entry->d_name);
        if (n < 5 || strcmp(entry->d_name + n - 4, ".ncr") != 0) continue;
        char path[512];
        snprintf(path, sizeof path, "%s%s", folder, entry->d_name);
        char *source = read_all(path);
        struct ncr_buf want = expected_of(source);
        struct checked *c = check_text(entry->d_name, source, folder);
        struct ncr_buf got = plain(&c->text);
        cr_expect_str_eq(got.s ? got.s : "", want.s ? want.s : "", "%s gives\n%s", entry->d_name,
                         got.s ? got.s : "nothing");
        cr_expect(c->diags.first, "%s gives no diagnostic", entry->d_name);
        for (const struct ncr_diag *d = c->diags.first; d; d = d->next)
            seen[d->code] = true;
        checked_free(c);
        ncr_buf_free(&got);
        ncr_buf_free(&want);
        free(source);
        files++;
    }
    closedir(dir);
    cr_expect_gt(files, 100);
    for (uint32_t code = 0; code < NCR_N_COUNT_; code++) {
        unsigned number = ncr_diag_number((enum ncr_diag_code)code);
        bool ours = (number >= 220 && number < 400) || (number >= 450 && number < 600);
        // Not the program's fault (340), not to be reached by a program that takes few steps (339),
        // or said by a command that needs the network (472, 473: sema_net).
        bool elsewhere = number == 339 || number == 340 || number == 472 || number == 473;
        cr_expect(!ours || elsewhere || seen[code], "N%04u has no file in tests/reject/sema",
                  number);
    }
}
