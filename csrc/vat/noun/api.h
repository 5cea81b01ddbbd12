/* Objects that vat code can read and not change: E, promise, vat. */
#ifndef VAT_NOUN_API_H
#define VAT_NOUN_API_H

#include "vat/machine/lua.h"

/* Replaces the table on top by one, whose fields are the table's. Calling it calls the function,
   which may be NULL. */
void api_push(lua_State *L, const char *name, lua_CFunction call);

#endif
