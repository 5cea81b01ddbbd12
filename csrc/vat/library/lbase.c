/* The basic functions that differ from Lua's own: load, setmetatable, tostring and their kin. */
#include "vat/library/library.h"

#include "value/errorvalue.h"
#include "value/marshal.h"
#include "vat/machine/limit.h"
#include "vat/machine/sandbox.h"

#include <string.h>

#define CHUNK_MAX (128 * 1024) /* Lua recurses in C over what a chunk nests */

/* load(text [, name [, mode [, env]]]) */
static int
l_load(lua_State *L)
{
    int type = lua_type(L, 1);
    if (type != LUA_TSTRING && type != LUA_TNUMBER)
        return luaL_error(L, "load: takes a string of Lua text, got %s", luaL_typename(L, 1));
    size_t size;
    const char *text = lua_tolstring(L, 1, &size);
    const char *name = luaL_optstring(L, 2, text);
    const char *mode = luaL_optstring(L, 3, "bt");
    bool has_env = !lua_isnone(L, 4); /* nil is one */
    if (size > CHUNK_MAX) {
        errorvalue_push(L, "LimitExceeded",
            "load: a chunk of %d bytes, the limit is 131072 (128 KiB)", (int)size);
        return lua_error(L);
    }
    limit_charge(L, size);
    bool failed = true;
    if (strchr(mode, 't') == NULL)
        lua_pushfstring(L, "attempt to load a text chunk (mode is '%s')", mode);
    else
        failed = sandbox_compile(L, text, size, name) != LUA_OK;
    if (failed) {
        luaL_pushfail(L);
        lua_insert(L, -2);
        return 2;
    }
    if (has_env) {
        lua_pushvalue(L, 4);
        lua_setupvalue(L, -2, 1);
    }
    return 1;
}

static void
refuse_event(lua_State *L, const char *event, size_t size)
{
    lua_pushlstring(L, event, size);
    if (lua_rawget(L, 2) != LUA_TNIL)
        luaL_error(L, "setmetatable: %s is not available in a vat", event);
    lua_pop(L, 1);
}

static int
l_setmetatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    int type = lua_type(L, 2);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (type == LUA_TTABLE) {
        refuse_event(L, "__gc", 4);
        refuse_event(L, "__mode", 6);
        refuse_event(L, "__close", 7);
        refuse_event(L, "__concat", 8);
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int
l_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    sandbox_tostring(L, 1, NULL);
    return 1;
}

const luaL_Reg lbase_functions[] = {
    {"load", l_load},
    {"setmetatable", l_setmetatable},
    {"tostring", l_tostring},
    {NULL, NULL},
};
