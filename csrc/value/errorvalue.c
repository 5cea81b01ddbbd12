#include "value/errorvalue.h"

#include <assert.h>
#include <lauxlib.h>

static const char error_type; /* its address is the metatable's key */

void
errorvalue_make(lua_State *L)
{
    assert(lua_istable(L, -1));
    lua_rawgetp(L, LUA_REGISTRYINDEX, &error_type);
    assert(lua_istable(L, -1)); /* errorvalue_open was called */
    lua_setmetatable(L, -2);
}

bool
errorvalue_is(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index))
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &error_type);
    bool same = lua_rawequal(L, -1, -2) != 0;
    lua_pop(L, 2);
    return same;
}

void
errorvalue_push(lua_State *L, const char *name, const char *format, ...)
{
    va_list arguments;
    lua_createtable(L, 0, 2);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "name");
    va_start(arguments, format);
    lua_pushvfstring(L, format, arguments);
    va_end(arguments);
    lua_setfield(L, -2, "message");
    errorvalue_make(L);
}

/* The message, or else the name; raw, since a vat may have put anything there. */
static int
l_error_tostring(lua_State *L)
{
    static const char *const fields[] = {"message", "name"};
    if (!errorvalue_is(L, 1))
        return luaL_typeerror(L, 1, "error value");
    for (int i = 0; i < 2; i++) {
        lua_pushstring(L, fields[i]);
        lua_rawget(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER) {
            lua_tostring(L, -1);
            return 1;
        }
    }
    lua_pushliteral(L, "error");
    return 1;
}

void
errorvalue_open(lua_State *L)
{
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, l_error_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushliteral(L, "error");
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &error_type);
}
