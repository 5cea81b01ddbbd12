/* A Lua state in which nothing is that the library does not put there. */
#ifndef VAT_MACHINE_SANDBOX_H
#define VAT_MACHINE_SANDBOX_H

#include "vat/machine/machine.h"

/* library is called to set the globals, when __gc, __mode, __close and __concat are inert already.
 * The collector is stopped. NULL: memory is out. */
lua_State *sandbox_open(struct machine *machine, lua_CFunction library);
/* Pushes the function of a chunk, which is a text, or a message; returns Lua's status. */
int sandbox_compile(lua_State *L, const char *text, size_t size, const char *name);
/* What tostring gives, pushed: never an address. */
const char *sandbox_tostring(lua_State *L, int index, size_t *size);
/* Makes the userdata type's metatable unreachable and unchangeable for vat code, and sets
 * methods (may hold __index, __call, __tostring, ...). Leaves nothing on the stack. */
void sandbox_type(lua_State *L, const char *name, const luaL_Reg *methods);

#endif
