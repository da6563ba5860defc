// Growable arrays in an arena: struct { T *at; uint32_t n, cap; }. Old storage is left to the arena.
#ifndef NCR_BASE_VEC_H
#define NCR_BASE_VEC_H

#include "lang/base/arena.h"

#define NCR_VEC(type)                                                                              \
    struct {                                                                                       \
        type *at;                                                                                  \
        uint32_t n, cap;                                                                           \
    }

// Makes room for one more item and gives its address.
#define ncr_vec_add(arena, vec)                                                                    \
    ((vec)->n == (vec)->cap                                                                        \
         ? ((vec)->at = ncr_arena_grow((arena), (vec)->at, (size_t)(vec)->n * sizeof *(vec)->at,   \
                                       ((vec)->cap ? (size_t)(vec)->cap * 2 : 8) *                 \
                                           sizeof *(vec)->at),                                     \
            (vec)->cap = (vec)->cap ? (vec)->cap * 2 : 8, &(vec)->at[(vec)->n++])                  \
         : &(vec)->at[(vec)->n++])

#define ncr_vec_push(arena, vec, item) (*ncr_vec_add((arena), (vec)) = (item))

#endif
