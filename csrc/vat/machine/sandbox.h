/* A Lua state with the allow-listed library and nothing else. */
#ifndef VAT_MACHINE_SANDBOX_H
#define VAT_MACHINE_SANDBOX_H

#include "vat/machine/machine.h"

/* Its globals table holds the "Lua" row of the globals in the vat author's manual but for print,
 * require and coroutine, which the vat's own library adds. __gc, __mode, __close and __concat are
 * inert in it. The collector is stopped. NULL: memory is out. */
lua_State *sandbox_open(struct machine *machine);
bool sandbox_self_test(const char **reason); /* once in a process */
/* Pushes the function of a chunk, which is a text, or a message; returns Lua's status. */
int sandbox_compile(lua_State *L, const char *text, size_t size, const char *name);
/* What tostring gives, pushed: never an address. */
const char *sandbox_tostring(lua_State *L, int index, size_t *size);
/* Sets an event that is inert for vat code, "__mode" say, in the metatable below the value on top,
 * which it pops. No metatable that vat code can reach may hold one. */
void sandbox_event(lua_State *L, const char *event);
/* Makes the userdata type's metatable unreachable and unchangeable for vat code, and sets
 * methods (may hold __index, __call, __tostring, ...). Leaves nothing on the stack. */
void sandbox_type(lua_State *L, const char *name, const luaL_Reg *methods);

#endif
