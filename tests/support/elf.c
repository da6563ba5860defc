// Sections and symbols of an ELF object.
#include "tests/support/elf.h"

#include <elf.h>
#include <string.h>

struct section {
    uint32_t type, link;
    uint64_t flags, offset, size;
    const char *name;
};

static bool section_at(const unsigned char *b, size_t n, bool wide, unsigned i, struct section *out)
{
    if (wide) {
        const Elf64_Ehdr *h = (const void *)b;
        if (h->e_shoff + (uint64_t)(i + 1) * sizeof(Elf64_Shdr) > n) return false;
        const Elf64_Shdr *s = (const void *)(b + h->e_shoff + i * sizeof *s);
        const Elf64_Shdr *names = (const void *)(b + h->e_shoff + h->e_shstrndx * sizeof *s);
        *out = (struct section){s->sh_type,  s->sh_link,
                                s->sh_flags, s->sh_offset,
                                s->sh_size,  (const char *)b + names->sh_offset + s->sh_name};
    } else {
        const Elf32_Ehdr *h = (const void *)b;
        if (h->e_shoff + (uint64_t)(i + 1) * sizeof(Elf32_Shdr) > n) return false;
        const Elf32_Shdr *s = (const void *)(b + h->e_shoff + i * sizeof *s);
        const Elf32_Shdr *names = (const void *)(b + h->e_shoff + h->e_shstrndx * sizeof *s);
        *out = (struct section){s->sh_type,  s->sh_link,
                                s->sh_flags, s->sh_offset,
                                s->sh_size,  (const char *)b + names->sh_offset + s->sh_name};
    }
    return true;
}

static void symbols(const unsigned char *b, bool wide, const struct section *table,
                    const char *names, struct elf_facts *out)
{
    size_t one = wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    for (uint64_t at = one; at < table->size; at += one) { // the first is empty
        const unsigned char *p = b + table->offset + at;
        const Elf64_Sym *w = (const void *)p;
        const Elf32_Sym *s = (const void *)p;
        unsigned info = wide ? w->st_info : s->st_info, home = wide ? w->st_shndx : s->st_shndx;
        const char *name = names + (wide ? w->st_name : s->st_name);
        if (home != SHN_UNDEF) {
            if (ELF32_ST_BIND(info) == STB_GLOBAL) out->n_defined++;
        } else if (strlen(out->undefined) + strlen(name) + 2 < sizeof out->undefined) {
            strcat(out->undefined, name);
            strcat(out->undefined, " ");
        }
    }
}

bool elf_read(const void *bytes, size_t n, struct elf_facts *out)
{
    const unsigned char *b = bytes;
    memset(out, 0, sizeof *out);
    if (n < sizeof(Elf64_Ehdr) || memcmp(b, ELFMAG, SELFMAG) != 0 || b[EI_DATA] != ELFDATA2LSB)
        return false;
    out->is_64 = b[EI_CLASS] == ELFCLASS64;
    const Elf64_Ehdr *w = bytes;
    const Elf32_Ehdr *s = bytes;
    out->machine = w->e_machine; // the same place in both
    unsigned count = out->is_64 ? w->e_shnum : s->e_shnum;
    for (unsigned i = 0; i < count; i++) {
        struct section section, strings;
        if (!section_at(b, n, out->is_64, i, &section)) return false;
        if (section.flags & SHF_EXECINSTR) out->code += section.size;
        if (section.flags & SHF_WRITE) out->writable++;
        if (section.type == SHT_REL || section.type == SHT_RELA)
            if (strstr(section.name, ".rodata") || strstr(section.name, ".data")) out->relocated++;
        if (section.type != SHT_SYMTAB) continue;
        if (!section_at(b, n, out->is_64, section.link, &strings)) return false;
        symbols(b, out->is_64, &section, (const char *)b + strings.offset, out);
    }
    return true;
}
