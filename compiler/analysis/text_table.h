// Text of reports: numbers, paths, notes and tables that fit the width of a terminal.
#ifndef NCR_ANALYSIS_TEXT_TABLE_H
#define NCR_ANALYSIS_TEXT_TABLE_H

#include "lang/base/str.h"

enum { NCR_CELL = 40, NCR_TEXT_COLUMNS = 16, NCR_TEXT_LEAST_WIDTH = 40 };

struct ncr_text {
    struct ncr_buf *out;
    int width;   // of the terminal
    bool colour; // titles and warnings are set off
};

// 1814073344 as 1,814,073,344.
void ncr_text_grouped(uint64_t v, char out[NCR_CELL]);
// Three significant digits and a letter: 1.81G of 1000s (base 1000), 784K of 1024s (base 1024).
void ncr_text_short(uint64_t v, uint64_t base, char out[NCR_CELL]);
// Three significant digits with the SI prefix of a unit: "1.23 ms", "45.6 nJ".
void ncr_text_si(double v, const char *unit, char out[NCR_CELL]);
// A path of at most `width` bytes: the beginning and, twice as long, the end, with ".." between.
void ncr_text_path(struct ncr_buf *out, struct ncr_str path, uint32_t width);
// A name, then text that is broken between words where the line is full.
void ncr_text_note(struct ncr_text *text, const char *name, const char *fmt, ...) NCR_PRINTF(3, 4);
// A line that says what follows; set off in colour.
void ncr_text_title(struct ncr_text *text, const char *title);

// What a table gives up where it is too wide, in turn.
struct ncr_text_step {
    bool shorten;     // else: left out
    uint32_t columns; // bits
};

struct ncr_text_table {
    const void *user;
    uint32_t n_rows, n_columns;
    const char *const *titles; // column 0 is the path
    uint32_t left;             // columns aligned to the left
    uint32_t hidden;           // columns that say nothing here
    struct ncr_str (*path)(const void *user, uint32_t row);
    bool no_total;
    // Text of a cell, column >= 1; row n_rows: the totals.
    void (*cell)(const void *user, uint32_t row, uint32_t column, bool shorten, char out[NCR_CELL]);
    const struct ncr_text_step *steps; // ends with columns = 0
    // results
    uint32_t shown, shortened; // columns
    int width[NCR_TEXT_COLUMNS];
};

// Paths are cut first, down to 24 bytes; then the steps, one by one; then paths down to 8 bytes.
void ncr_text_table_put(struct ncr_text *text, struct ncr_text_table *table);

#endif
