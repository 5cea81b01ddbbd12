/* The vats' Lua, for the files of the vat layer: they include this and not Lua's own headers, since
 * two of Lua's functions let addresses be seen that differ between processes. */
#ifndef VAT_MACHINE_LUA_H
#define VAT_MACHINE_LUA_H

#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

/* Lua's own shows addresses; ours is in machine/sandbox.h. */
#undef luaL_tolstring
#define luaL_tolstring sandbox_tostring
/* Lua's own remembers strings by their C address. */
#undef lua_pushstring
#define lua_pushstring(L, text) lua_pushlstring(L, text, strlen(text))

#endif
