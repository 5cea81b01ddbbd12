/* What the vat says to the kernel, recorded in the outcome while its Lua runs. Words are those of
 * vrefs. A delivery that records too much ends. */
#ifndef VAT_LIVE_OUTGOING_H
#define VAT_LIVE_OUTGOING_H

#include "base/message.h"
#include "vat/machine/lua.h"

void outgoing_record(lua_State *L, const struct syscall *syscall);
/* Ends the delivery when it would record too much with so many bytes more. */
void outgoing_check(lua_State *L, size_t more);
/* Their values are what slots_encode wrote last. result: 0 when none is wanted. */
void outgoing_send(lua_State *L, uint64_t target, struct bytes method, uint64_t result);
void outgoing_exit(lua_State *L, bool failure);
void outgoing_subscribe(lua_State *L, uint64_t promise);
void outgoing_resolve(lua_State *L, const struct settlement *settlements, size_t count);
void outgoing_follow(lua_State *L, uint64_t promise, uint64_t other);

#endif
