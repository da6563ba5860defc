// What one core of this machine can do at most, measured.
#ifndef NCR_CALIBRATE_PEAK_H
#define NCR_CALIBRATE_PEAK_H

#include "lang/base/io.h"

struct ncr_peak {
    double macs_per_s; // 8-bit multiply-accumulates into registers; 0: no loop for this processor
    const char *instruction; // by which they were measured
    double bytes_per_s;      // reading and writing a buffer of `bytes` again and again
    size_t bytes;
};

// Takes about 50 ms. bytes: of the buffer, as large as what a network works on. The best of many
// rounds.
struct ncr_peak ncr_peak_measure(const struct ncr_io *io, size_t bytes);
// The same multiply-accumulates in the tile registers of AMX; 0 where code in memory cannot have
// them.
double ncr_peak_tiles(const struct ncr_io *io, const char **instruction);

#endif
