// What a test needs to know of an ELF object: its machine, and whether it is complete in itself.
#ifndef NCR_TESTS_ELF_H
#define NCR_TESTS_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_facts {
    uint16_t machine; // EM_*
    bool is_64;
    unsigned n_defined;  // global symbols
    char undefined[512]; // names of undefined symbols, each followed by a space
    unsigned writable;   // sections that are written at run time, or by a loader
    unsigned relocated;  // sections of constants that a linker writes addresses to
    uint64_t code;       // bytes of executable sections
};

// False where the bytes are no little-endian ELF object.
bool elf_read(const void *bytes, size_t n, struct elf_facts *out);

#endif
