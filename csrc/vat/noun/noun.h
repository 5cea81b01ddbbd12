/* What the userdata of a vat's heap are. Each begins with its noun; vat code makes none of its own,
 * so what a userdata's first word says is true. */
#ifndef VAT_NOUN_NOUN_H
#define VAT_NOUN_NOUN_H

#include "vat/machine/lua.h"

enum noun {
    NOUN_REMOTABLE = 0x6d760001,
    NOUN_PRESENCE,
    NOUN_PROMISE,
    NOUN_PROXY,    /* what E(x) gives */
    NOUN_REACTION, /* never seen by vat code */
    NOUN_STORE,    /* vat.vatstore, vat.baggage, maps and sets */
    NOUN_KIND,     /* never seen by vat code */
    NOUN_API,      /* E, promise, vat */
};

/* The userdata when it is one of this noun, else NULL. */
void *noun_at(lua_State *L, int index, enum noun noun);

#endif
