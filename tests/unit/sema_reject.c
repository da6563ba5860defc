// Every diagnostic of names, values, nets and declarations has a file in tests/reject/sema that
// pins its position and text.
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "lang/base/diag.h"

static const char folder[] = NACRE_SOURCE_DIR "/tests/reject/sema/";

static void mark_codes(const char *path, bool *seen)
{
    static char text[1 << 16];
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s", path);
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = 0;
    for (const char *at = text; (at = strstr(at, "[N")); at++) {
        enum ncr_diag_code code;
        if (strspn(at + 2, "0123456789") == 4 && ncr_diag_find((struct ncr_str){at + 1, 5}, &code))
            seen[code] = true;
    }
}

Test(sema_reject, every_code_is_pinned)
{
    DIR *dir = opendir(folder);
    cr_assert(dir);
    static bool seen[NCR_N_COUNT_];
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[512];
        snprintf(path, sizeof path, "%s%s", folder, entry->d_name);
        if (strstr(entry->d_name, ".ncr")) mark_codes(path, seen);
    }
    closedir(dir);
    for (uint32_t code = 0; code < NCR_N_COUNT_; code++) {
        unsigned number = ncr_diag_number((enum ncr_diag_code)code);
        bool ours = (number >= 220 && number < 400) || (number >= 450 && number < 600);
        // Not the program's fault: the machine has no memory.
        bool elsewhere = code == NCR_N_NO_MEMORY || code == NCR_N_EVAL_MEMORY;
        cr_expect(!ours || elsewhere || seen[code], "N%04u has no file in tests/reject/sema",
                  number);
    }
}
