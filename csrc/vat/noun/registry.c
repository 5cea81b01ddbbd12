#include "vat/noun/registry.h"

#include <assert.h>

int
registry_table(lua_State *L)
{
    lua_newtable(L);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

void
registry_push(lua_State *L, int table)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, table);
    assert(lua_istable(L, -1));
}

int
registry_get(lua_State *L, int table, lua_Integer key)
{
    registry_push(L, table);
    int type = lua_rawgeti(L, -1, key);
    lua_replace(L, -2);
    return type;
}

/* The table lies below the value on top, which becomes the key's; both are popped. */
static void
set(lua_State *L, lua_Integer key)
{
    lua_rawseti(L, -2, key);
    lua_pop(L, 1);
}

void
registry_put(lua_State *L, int table, lua_Integer key, int index)
{
    int value = lua_absindex(L, index);
    assert(!lua_isnil(L, value));
    registry_push(L, table);
    lua_pushvalue(L, value);
    set(L, key);
}

void
registry_mark(lua_State *L, int table, lua_Integer key)
{
    registry_push(L, table);
    lua_pushboolean(L, 1);
    set(L, key);
}

void
registry_clear(lua_State *L, int table, lua_Integer key)
{
    registry_push(L, table);
    lua_pushnil(L);
    set(L, key);
}

size_t
registry_count(lua_State *L, int table)
{
    size_t count = 0;
    registry_push(L, table);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        count++;
    lua_pop(L, 1);
    return count;
}
