/* Errors as data: { code = "no_such_vat", message = "no such vat: \"bonk\"" }.
 *
 * Nobody has to read a message to know what happened. The methods that a host program calls have a
 * face, a function that makes of the data and of the caller's place what the program gets. */
#include "module/lmodule.h"

#include <assert.h>

#define ERROR_TYPE "moonvat.error"

static const char *const codes[] = {
    [LERROR_MISUSE] = "misuse",
    [LERROR_CLOSED] = "closed",
    [LERROR_READONLY] = "readonly",
    [LERROR_STOPPED] = "stopped",
    [LERROR_STORE] = "store",
    [LERROR_UNOPENED] = "unopened",
    [LERROR_IN_USE] = "in_use",
    [LERROR_UNSAVED] = "unsaved",
    [LERROR_UNLAUNCHED] = "unlaunched",
    [LERROR_NO_VAT] = "no_such_vat",
    [LERROR_NO_REFERENCE] = "no_such_reference",
    [LERROR_NO_CLUSTER] = "no_such_cluster",
    [LERROR_NO_BUNDLE] = "no_such_bundle",
    [LERROR_NO_NAME] = "no_such_name",
    [LERROR_STATE] = "state",
    [LERROR_VALUE] = "value",
};

static int
l_tostring(lua_State *L)
{
    lua_getfield(L, 1, "message");
    return 1;
}

static bool
is_data(lua_State *L)
{
    if (!lua_getmetatable(L, -1))
        return false;
    luaL_getmetatable(L, ERROR_TYPE);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

/* Raises the data on top of the stack, or what the running function's face makes of it. */
static int
raise_data(lua_State *L)
{
    assert(is_data(L));
    if (lua_isfunction(L, FACE)) {
        lua_pushvalue(L, FACE);
        lua_insert(L, -2);
        luaL_where(L, 1);
        lua_call(L, 2, 1);
    }
    return lua_error(L);
}

/* Makes the message on top of the stack the data of an error. */
static void
make_data(lua_State *L, enum lerror code)
{
    assert((size_t)code < sizeof codes / sizeof *codes && codes[code] != NULL);
    lua_createtable(L, 0, 2);
    lua_insert(L, -2);
    lua_setfield(L, -2, "message");
    lua_pushstring(L, codes[code]);
    lua_setfield(L, -2, "code");
    luaL_setmetatable(L, ERROR_TYPE);
}

int
lerror_raise(lua_State *L, enum lerror code, const char *format, ...)
{
    va_list arguments;
    luaL_checkstack(L, 6, NULL);
    va_start(arguments, format);
    lua_pushvfstring(L, format, arguments);
    va_end(arguments);
    make_data(L, code);
    return raise_data(L);
}

int
lerror_again(lua_State *L)
{
    return is_data(L) ? raise_data(L) : lua_error(L);
}

int
lerror_again_as(lua_State *L, enum lerror code)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        make_data(L, code);
    return lerror_again(L);
}

void
lerror_open(lua_State *L)
{
    luaL_newmetatable(L, ERROR_TYPE);
    lua_pushcfunction(L, l_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
}
