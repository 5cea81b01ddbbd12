/* Durable collections by name. */
#ifndef VAT_DURABLE_COLLECTION_H
#define VAT_DURABLE_COLLECTION_H

#include "vat/machine/lua.h"

int collection_map(lua_State *L); /* vat.map(name) */
int collection_set(lua_State *L); /* vat.set(name) */

#endif
