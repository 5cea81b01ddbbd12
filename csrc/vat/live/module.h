/* The bundle's modules: main chunk and what it requires. */
#ifndef VAT_LIVE_MODULE_H
#define VAT_LIVE_MODULE_H

#include "vat/machine/lua.h"

void module_open(lua_State *L); /* require */
/* Pushes what the main chunk returns. Raises. */
void module_push_main(lua_State *L);

#endif
