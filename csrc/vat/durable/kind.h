/* vat.kind: durable classes. An instance is a remotable whose state is a row: see instance.h.
 *
 * Methods are wrapped: they get as self another value for the same instance, which reads and writes
 * the state. It is turned into the instance wherever it leaves the methods. */
#ifndef VAT_DURABLE_KIND_H
#define VAT_DURABLE_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "vat/noun/noun.h"

#define KIND_INSTANCE_BITS 40 /* of a durable vref's number; the kind is above */
#define KIND_NUMBER_MAX ((UINT64_C(1) << 20) - 1)

/* The table of kinds has each by its name, and by its number once it has one. */
struct kind {
    enum noun noun;
    bool defined;    /* in this incarnation: none without it has instances made */
    uint64_t number; /* 0: it has had no instance yet */
    size_t name_size;
    char name[]; /* with a NUL behind it */
};

enum kind_value {
    KIND_METHODS = 1, /* by name, wrapped */
};

void kind_start(lua_State *L); /* the kinds that were used before */
void kind_check(lua_State *L); /* raises when one of them was not defined again */
int kind_define(lua_State *L); /* vat.kind(name, methods) */

#endif
