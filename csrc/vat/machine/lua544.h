/* All that this project knows of the inside of Debian's Lua 5.4.4 beyond what its headers promise.
 *
 * The self-test looks at the start of every process at what memory rests on: the inert events, the
 * order of keys that the seed gives, and buffers. That the vats' own state has them inert is for
 * the specs of the sandbox; how many addresses luaS_new remembers, how luaH_resize is called and
 * what is asked of libc, nothing proves. When the distribution moves to another 5.4, run it, and
 * look in Lua's source at
 *
 * lstate.h    global_State begins with frealloc and ud, and how far behind them the seed lies. Lua
 *             has drawn it, from addresses and the clock, when it asks for the second block.
 * lobject.h   TString: how far before a short string's characters its length lies.
 * ltm.c       luaT_init interns the events' names once; metatables are searched for those objects,
 *             by address. lstring.c finds an interned string by its length first.
 * llimits.h   luaS_new remembers strings by their C address, and how many.
 * lauxlib.c   luaL_Buffer keeps what is large in a userdata whose metatable has __gc and __close.
 * ltable.c    luaH_resize, and how it is called.
 * all files   what they ask of libc: the Makefile renames the standard streams, time and clock in
 *             the private copy, and here is what it gets instead. */
#ifndef VAT_MACHINE_LUA544_H
#define VAT_MACHINE_LUA544_H

#include "vat/machine/lua.h"

/* Fixes the hash seed in a state's first block, which Lua has just filled: lua_newstate was called
 * with this allocator and ud. Nothing happens when it is not found. */
void lua544_set_seed(void *state, size_t size, lua_Alloc allocate, void *ud);

/* Makes __gc, __mode, __close and __concat inert in a new state: vat code that writes them into a
 * metatable writes words without a meaning. May raise. */
void lua544_hide_events(lua_State *L);
/* Sets one of these events, "__mode" say, with its meaning, in the metatable below the value on
 * top, which it pops. No metatable that vat code can reach may hold one. */
void lua544_set_event(lua_State *L, const char *event);

/* Gives the table on top as much room as count keys need, none of them in its array. By itself Lua
 * makes a table smaller only when it is full. */
void lua544_resize(lua_State *L, size_t count);

/* NULL: this Lua is as described here; else what is not, as a text. Needs the stack. */
const char *lua544_self_test(void);

#endif
