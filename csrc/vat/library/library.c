#include "vat/library/library.h"

#include <assert.h>

/* Everything not named here is absent. */
static const char *const base_names[] = {"assert", "error", "getmetatable", "ipairs", "next",
    "pairs", "pcall", "rawequal", "rawget", "rawlen", "rawset", "select", "tonumber", "type",
    "xpcall", "_VERSION", NULL};
static const char *const math_names[] = {"abs", "acos", "asin", "atan", "ceil", "cos", "deg", "exp",
    "floor", "fmod", "huge", "log", "max", "maxinteger", "min", "mininteger", "modf", "pi", "rad",
    "sin", "sqrt", "tan", "tointeger", "type", "ult", NULL};
static const char *const string_names[] = {
    "byte", "len", "pack", "packsize", "sub", "unpack", NULL};
static const char *const table_names[] = {"pack", "sort", NULL};
static const char *const utf8_names[] = {
    "char", "charpattern", "codepoint", "codes", "len", "offset", NULL};

/* Calls the library's opener and leaves a new table with what is allowed of it. */
static void
open_library(lua_State *L, lua_CFunction open, const char *const *names)
{
    lua_newtable(L);
    lua_pushcfunction(L, open);
    lua_call(L, 0, 1);
    for (; *names != NULL; names++) {
        lua_getfield(L, -1, *names);
        assert(!lua_isnil(L, -1)); /* this Lua has what is allowed */
        lua_setfield(L, -3, *names);
    }
    lua_pop(L, 1);
}

/* Messages and tracebacks find the names of functions here. */
static void
name_library(lua_State *L, const char *name)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

static void
open_strings(lua_State *L)
{
    open_library(L, luaopen_string, string_names);
    luaL_setfuncs(L, lstring_functions, 0);
    luaL_setfuncs(L, lpattern_functions, 0);
    lbounded_string(L);
    /* Methods of strings come from a copy that nobody can reach, so nobody can change them. */
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, -5) != 0;) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

int
library_open(lua_State *L)
{
    open_library(L, luaopen_base, base_names);
    luaL_setfuncs(L, lbase_functions, 0);
    lbounded_base(L);
    name_library(L, "_G");
    open_library(L, luaopen_math, math_names);
    lmath_open(L);
    name_library(L, "math");
    lua_setfield(L, -2, "math");
    open_strings(L);
    name_library(L, "string");
    lua_setfield(L, -2, "string");
    open_library(L, luaopen_table, table_names);
    luaL_setfuncs(L, ltable_functions, 0);
    lbounded_table(L);
    name_library(L, "table");
    lua_setfield(L, -2, "table");
    open_library(L, luaopen_utf8, utf8_names);
    lbounded_utf8(L);
    name_library(L, "utf8");
    lua_setfield(L, -2, "utf8");
    assert(lua_gettop(L) == 1);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    return 0;
}
