/* What the two files of durable objects share: kind.c has the classes, instance.c the instances. */
#ifndef VAT_DURABLE_KIND_H
#define VAT_DURABLE_KIND_H

#include "vat/durable/durable.h"

#define INSTANCE_BITS 40 /* of a durable vref's number; the kind is above */

enum kind_value {
    KIND_METHODS = 1, /* by name, wrapped */
};

struct kind {
    enum noun noun;
    bool defined;    /* in this incarnation */
    uint64_t number; /* 0: it has had no instance yet */
    size_t name_size;
    char name[];
};

/* Pushes the instance of this word, whose row is there. kind: a stack index. */
struct remotable *instance_push(lua_State *L, int kind, uint64_t word);
/* Pushes what the methods of the instance at index get as self. */
void instance_push_self(lua_State *L, int kind, int index);
/* Makes the row of an instance from the table at 1; methods: the stack index of their table. */
void instance_collect_state(lua_State *L, const struct kind *kind, int methods);
/* Writes the state that was collected. */
void instance_create(lua_State *L, uint64_t word);

#endif
