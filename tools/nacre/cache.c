// Keys to files.
#include "tools/nacre/cache.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 33, LARGEST = 64 << 20, FILES = 4096 };

static bool path_of(const struct cli_cache *c, const char *name, char out[576])
{
    return snprintf(out, 576, "%s/%s", c->folder, name) < 576;
}

static bool load(void *user, const char *key, struct ncr_buf *out)
{
    struct cli_cache *c = user;
    struct ncr_buf file = {0};
    struct ncr_error err;
    char path[576], hash[33];
    bool good = path_of(c, key, path) &&
                c->cli->io.read_file(c->cli->io.user, path, LARGEST, &file, &err) == NCR_OK &&
                file.n > HEAD;
    if (good) {
        ncr_hash_text(ncr_hash_bytes(file.s + HEAD, file.n - HEAD), hash);
        good = memcmp(file.s, hash, HEAD - 1) == 0;
    }
    if (good) ncr_buf_put(out, file.s + HEAD, file.n - HEAD);
    ncr_buf_free(&file);
    return good && !out->failed;
}

struct kept {
    char name[33];
    int64_t written, bytes;
};

static int older(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    return (x->written > y->written) - (x->written < y->written);
}

static bool is_key(const char *name)
{
    return strlen(name) == 32 && strspn(name, "0123456789abcdef") == 32;
}

static void trim(const struct cli_cache *c)
{
    DIR *folder = opendir(c->folder);
    struct kept *all = calloc(FILES, sizeof *all);
    int64_t sum = 0;
    size_t n = 0;
    char path[576];
    for (struct dirent *d; folder && all && n < FILES && (d = readdir(folder));) {
        struct stat s;
        if (!is_key(d->d_name) || !path_of(c, d->d_name, path) || stat(path, &s) != 0) continue;
        all[n] = (struct kept){.written = (int64_t)s.st_mtime, .bytes = (int64_t)s.st_size};
        memcpy(all[n].name, d->d_name, 33);
        sum += all[n++].bytes;
    }
    if (folder) closedir(folder);
    bool many = n == FILES; // then there may be more: half of them go
    if (all && (sum > CACHE_BYTES || many)) {
        qsort(all, n, sizeof *all, older);
        for (size_t i = 0; i < n && (sum > CACHE_BYTES || (many && i < n / 2)); i++) {
            if (path_of(c, all[i].name, path)) remove(path);
            sum -= all[i].bytes;
        }
    }
    free(all);
}

static void save(void *user, const char *key, const void *bytes, size_t n)
{
    struct cli_cache *c = user;
    struct ncr_buf file = {0};
    struct ncr_error err;
    char path[576], hash[33];
    if (n > LARGEST - HEAD || !path_of(c, key, path)) return;
    ncr_hash_text(ncr_hash_bytes(bytes, n), hash);
    ncr_buf_fmt(&file, "%s\n", hash);
    ncr_buf_put(&file, bytes, n);
    // A full disk is no reason to fail: the code is there.
    if (!file.failed &&
        c->cli->io.write_file(c->cli->io.user, path, file.s, file.n, false, &err) == NCR_OK)
        trim(c);
    ncr_buf_free(&file);
}

static bool make(const char *folder)
{
    struct stat s;
    return mkdir(folder, 0700) == 0 || (stat(folder, &s) == 0 && S_ISDIR(s.st_mode));
}

// Whether nobody else can put files there: they are run.
static bool is_ours(const char *folder)
{
    struct stat s;
    return stat(folder, &s) == 0 && s.st_uid == geteuid() && !(s.st_mode & (S_IWGRP | S_IWOTH));
}

const struct ncr_code_store *cli_cache_open(struct cli_cache *cache, struct cli *cli,
                                            struct ncr_arena *arena)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    *cache = (struct cli_cache){.cli = cli};
    struct ncr_str above = base && base[0] == '/'   ? ncr_str_of(base)
                           : home && home[0] == '/' ? ncr_str_fmt(arena, "%s/.cache", home)
                                                    : NCR_STR("");
    if (!above.n || above.n > 400) return NULL;
    snprintf(cache->folder, sizeof cache->folder, "%.*s/nacre", NCR_STR_ARG(above));
    char parent[480];
    snprintf(parent, sizeof parent, "%.*s", NCR_STR_ARG(above));
    if (!make(parent) || !make(cache->folder) || !is_ours(cache->folder)) return NULL;
    cache->store = (struct ncr_code_store){cache, load, save};
    return &cache->store;
}
