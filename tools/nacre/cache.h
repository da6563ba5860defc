// Compiled code kept between runs: $XDG_CACHE_HOME/nacre, or ~/.cache/nacre.
#ifndef NCR_TOOLS_CACHE_H
#define NCR_TOOLS_CACHE_H

#include "compiler/codegen/codegen.h"
#include "tools/nacre/cli.h"

// One file an object, named by its key: a hash of what follows, then the object. A file whose hash
// does not fit is as good as none. Files are written under another name and renamed, so that
// several processes may share the folder. Above CACHE_BYTES the files that were not written for the
// longest time go.
enum { CACHE_BYTES = 256 << 20 };

struct cli_cache {
    struct cli *cli;
    char folder[480];
    struct ncr_code_store store;
};

// NULL where there is no folder for it and none can be made: then nothing is kept.
const struct ncr_code_store *cli_cache_open(struct cli_cache *cache, struct cli *cli,
                                            struct ncr_arena *arena);

#endif
