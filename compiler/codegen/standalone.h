// What is linked into, or written beside, emitted objects: bytes that the build makes from
// runtime/standalone (scripts/cmake/standalone.cmake).
#ifndef NCR_CODEGEN_STANDALONE_H
#define NCR_CODEGEN_STANDALONE_H

#include <stddef.h>

// Static library for the machine that Nacre was built on: main() of a program that classifies
// images with the network whose object has the prefix "nacre".
extern const unsigned char ncr_standalone_program[];
extern const size_t ncr_standalone_program_bytes;

// runtime/standalone/network.h: the types of an object's description.
extern const unsigned char ncr_standalone_types[];
extern const size_t ncr_standalone_types_bytes;

// All of runtime/standalone, to compile that program for another machine.
struct ncr_standalone_source {
    const char *path; // from the top of the project, as the sources include each other
    const unsigned char *bytes;
    size_t n;
};
extern const struct ncr_standalone_source ncr_standalone_sources[];
extern const size_t ncr_standalone_n_sources;

#endif
