/* What vat code is given of this room, each by the file of its name. */
#ifndef VAT_LIVE_LLIVE_H
#define VAT_LIVE_LLIVE_H

#include "vat/machine/lua.h"

void leventual_open(lua_State *L); /* E */
void lpromise_open(lua_State *L);  /* promise, and the methods of promises */
void lvat_push(lua_State *L);      /* the vat object, for the build function */

#endif
