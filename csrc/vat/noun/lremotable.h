/* Far and Error, and what vat code sees of remotables and presences. */
#ifndef VAT_NOUN_LREMOTABLE_H
#define VAT_NOUN_LREMOTABLE_H

#include "vat/machine/lua.h"

void lremotable_open(lua_State *L);

#endif
