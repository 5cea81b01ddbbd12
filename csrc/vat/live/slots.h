/* Values as capdata, whose slots are vrefs, and back.
 *
 * Encoding gives words to what has none, but says nothing to the kernel: when the body was recorded
 * in a syscall, slots_commit must follow before anything else is encoded. */
#ifndef VAT_LIVE_SLOTS_H
#define VAT_LIVE_SLOTS_H

#include "base/message.h"
#include "vat/machine/lua.h"

/* Encodes into the vat's buffer for the kernel; root and numbered: see value/marshal.h. Raises when
   something cannot be passed. */
void slots_encode(lua_State *L, int index, int count, const char *root, bool numbered);
/* The same, but false instead of an error: then the buffer holds the reason why. */
bool slots_try_encode(lua_State *L, int index, int count, const char *root, bool numbered);
struct capdata slots_capdata(lua_State *L); /* what was encoded; borrowed until the next time */
/* The kernel has met what the body names. */
void slots_commit(lua_State *L);
/* Pushes the values of what came from the kernel; how many. Subscribes to promises that are met for
   the first time. Raises when it is malformed. */
int slots_decode(lua_State *L, const struct capdata *value);
/* Replaces the values by copies, as if they had been passed; or raises as that would. */
void slots_copy(lua_State *L, int index, int count, const char *root, bool numbered);
/* The same, but false instead of an error: then the reason is on top, and the values are left. */
bool slots_try_copy(lua_State *L, int index, int count, const char *root, bool numbered);

#endif
