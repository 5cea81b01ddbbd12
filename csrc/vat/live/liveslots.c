#include "vat/live/liveslots.h"
#include "value/errorvalue.h"
#include "vat/durable/durable.h"

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
liveslots_push_api(lua_State *L, const char *name, lua_CFunction call)
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

void
liveslots_open(lua_State *L)
{
    struct liveslots *ls = lua_newuserdatauv(L, sizeof *ls, 0);
    *ls = (struct liveslots){.job_first = 1, .job_last = 1, .next_object = 1, .next_promise = 1};
    luaL_ref(L, LUA_REGISTRYINDEX);
    heap_of(L)->ls = ls;
    words_open(L);
    ls->jobs = registry_table(L);
    ls->rejected = registry_table(L);
    ls->exports = registry_table(L);
    ls->kinds = registry_table(L);
    ls->collections = registry_table(L);
    ls->modules = registry_table(L);
    ls->turns = registry_table(L);
    lua_pushboolean(L, 0);
    ls->spare = luaL_ref(L, LUA_REGISTRYINDEX);
    *coroutine_flags(L) = 0;
    errorvalue_open(L);
    lremotable_open(L);
    lpromise_open(L);
    eventual_open(L);
    coroutine_open(L);
    module_open(L);
    fault_open(L);
    lstore_open(L);
    instance_open(L);
}
