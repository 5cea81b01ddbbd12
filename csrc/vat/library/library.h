/* The libraries of a vat's Lua: Lua's own functions where they are harmless, ours where not. */
#ifndef VAT_LIBRARY_LIBRARY_H
#define VAT_LIBRARY_LIBRARY_H

#include "vat/machine/lua.h"

/* Makes the globals of a new state: the "Lua" row of the globals in the vat author's manual but for
 * print, require and coroutine, which know vats. A lua_CFunction, for sandbox_open. */
int library_open(lua_State *L);

/* The bindings: what library_open puts together. */
extern const luaL_Reg lbase_functions[];
extern const luaL_Reg lstring_functions[];
extern const luaL_Reg lpattern_functions[];
extern const luaL_Reg ltable_functions[];
void lmath_open(lua_State *L); /* adds random and randomseed to the table on top */
/* Wrap some of Lua's own functions in the table on top. */
void lbounded_base(lua_State *L);
void lbounded_string(lua_State *L);
void lbounded_table(lua_State *L);
void lbounded_utf8(lua_State *L);

#endif
