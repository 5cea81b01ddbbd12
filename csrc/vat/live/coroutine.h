/* Lua's coroutines, through which an await passes outwards: a coroutine that awaits yields the
 * promise, whoever resumed it yields it on, up to the turn; when the promise has settled, each is
 * resumed again from outside in. */
#ifndef VAT_LIVE_COROUTINE_H
#define VAT_LIVE_COROUTINE_H

#include <stdint.h>

#include "vat/machine/lua.h"

#define COROUTINE_CHARGED 100 /* instructions for a new one, whose count begins anew */

/* What a coroutine is, in the extra space that Lua gives each. */
#define COROUTINE_TURN 1u    /* a turn's own, not one that vat code made */
#define COROUTINE_AWAITS 2u  /* only the promise can resume it */
#define COROUTINE_SEEN 4u    /* vat code may hold it */
#define COROUTINE_COPIES 8u  /* what the turn returns is copied, as if it had been passed */
#define COROUTINE_STORED 16u /* its sink is in the table of turns */
uint64_t *coroutine_flags(lua_State *L);

void coroutine_open(lua_State *L); /* coroutine and await */

#endif
