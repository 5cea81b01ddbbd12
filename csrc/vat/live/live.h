/* The vat's library: what vat code sees of the world, and what it says to it. */
#ifndef VAT_LIVE_LIVE_H
#define VAT_LIVE_LIVE_H

#include "vat/machine/lua.h"

/* Opens all of it on a new sandbox, in the registry and the globals. May raise. */
void live_open(lua_State *L);

#endif
