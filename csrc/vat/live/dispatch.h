/* Deliveries: what each makes the vat's Lua do. */
#ifndef VAT_LIVE_DISPATCH_H
#define VAT_LIVE_DISPATCH_H

#include "vat/machine/lua.h"

/* The open delivery, from its first turn until every coroutine waits or is done. A start that
   failed leaves its reason in the vat; another error breaks it. */
void dispatch_deliver(lua_State *L);

#endif
