// Static libraries: the common ar format with a symbol index, one member.
#ifndef NCR_TOOLS_ARCHIVE_H
#define NCR_TOOLS_ARCHIVE_H

#include "lang/base/str.h"

// Appends the archive: an index of the symbols and the member. name has at most 15 characters.
void archive_write(struct ncr_buf *out, const char *name, const struct ncr_buf *member,
                   const char *const *symbols, uint32_t n);

#endif
