/* Errors as reasons, and the vat's log. */
#ifndef VAT_LIVE_FAULT_H
#define VAT_LIVE_FAULT_H

#include "base/outcome.h"
#include "vat/machine/lua.h"

/* Turns what was raised, on top, into a reason: a string is logged with the thread's traceback, and
   becomes an error value. True when it was. */
bool fault_take(lua_State *L, lua_State *thread);
/* The same for what the library itself raised, where no turn runs: nothing is logged. */
void fault_make_reason(lua_State *L);
/* What a late promise rejects with: the limit that the first attempt of this delivery met. */
void fault_push_late(lua_State *L);
/* "InsufficientFunds: need 1000, have 70" for an error value; pushed. */
const char *fault_push_text(lua_State *L, int index);

/* Logs the reason at index, which nobody hears. A long line is cut, and what is too much in one
   delivery is left out. Pushes texts. */
void fault_log_unhandled(lua_State *L, int index);
void fault_open(lua_State *L); /* print */

#endif
