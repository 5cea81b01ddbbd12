/* Tells the kernel how promises that it knows, and that this vat decides, have settled. What their
 * values bring along, settled promises that the kernel meets with them, goes in the same syscall.
 * The kernel forgets the words by that, and so do we. A value that cannot be passed makes a
 * rejection of it, whose reason says why. */
#ifndef VAT_LIVE_SETTLED_H
#define VAT_LIVE_SETTLED_H

#include "vat/live/live_promise.h"

void settled_tell(lua_State *L, int index); /* of this promise */
/* Of those that the bodies recorded since have brought along. */
void settled_tell_exports(lua_State *L);
/* Of a result that has no promise in this vat; the values are on top, and popped. */
void settled_tell_word(lua_State *L, uint64_t word, enum live_state state, int count);

#endif
