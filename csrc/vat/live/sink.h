/* Where the outcome of a turn goes: a value, on the stack or in the table of turns. */
#ifndef VAT_LIVE_SINK_H
#define VAT_LIVE_SINK_H

#include <stdbool.h>

#include "vat/machine/lua.h"

enum sink {
    SINK_NONE,    /* nil: nobody asked; a failure is logged */
    SINK_WORD,    /* an integer: the vref of a message's result, which has no promise here. Never of
                     a turn that awaits */
    SINK_PROMISE, /* which it settles */
    SINK_FINALLY, /* a FINALLY reaction: see reaction.h */
};

enum sink sink_at(lua_State *L, int index);
/* The values on top, which may be popped, go there. */
void sink_conclude(lua_State *L, int sink, int count);
/* The reason on top goes there. logged: whoever reads the log knows of it. */
void sink_reject(lua_State *L, int sink, bool logged);

#endif
