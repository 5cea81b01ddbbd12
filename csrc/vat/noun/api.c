#include "vat/noun/api.h"

#include "vat/machine/sandbox.h"
#include "vat/noun/noun.h"

static int
l_api_frozen(lua_State *L)
{
    if (luaL_getmetafield(L, 1, "__name") != LUA_TSTRING)
        lua_pushliteral(L, "this");
    return luaL_error(L, "%s cannot be changed", lua_tostring(L, -1));
}

static int
l_api_pairs(lua_State *L)
{
    return luaL_error(L, "%s cannot be iterated", luaL_tolstring(L, 1, NULL));
}

void
api_push(lua_State *L, const char *name, lua_CFunction call)
{
    const luaL_Reg events[] = {
        {"__newindex", l_api_frozen},
        {"__pairs", l_api_pairs},
        {call == NULL ? NULL : "__call", call},
        {NULL, NULL},
    };
    sandbox_type(L, name, events);
    luaL_getmetatable(L, name);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "__index");
    enum noun *api = lua_newuserdatauv(L, sizeof *api, 0);
    *api = NOUN_API;
    lua_insert(L, -2);
    lua_setmetatable(L, -2);
    lua_replace(L, -2);
}
