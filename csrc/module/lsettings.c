/* Tables of settings, as in k:run { cranks = 10 }. A name that nobody knows is an error: a dry run
   that was misspelt must not become a real one. */
#include "module/lmodule.h"

#include <assert.h>
#include <string.h>

static bool
is_known(const char *name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

void
lsettings_check(lua_State *L, int index, struct lsettings_rule rule)
{
    if (lua_isnoneornil(L, index))
        return;
    if (!lua_istable(L, index))
        lerror_raise(L, LERROR_MISUSE, "%s takes a table such as %s, got %s", rule.method,
            rule.example, luaL_typename(L, index));
    int top = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING || !is_known(lua_tostring(L, -1), rule.names))
            lerror_raise(L, LERROR_MISUSE, "%s: unknown setting %s; write for example %s",
                rule.method, luaL_tolstring(L, -1, NULL), rule.example);
    }
    assert(lua_gettop(L) == top);
    (void)top;
}

bool
lsettings_flag(lua_State *L, int index, const char *method, const char *name)
{
    if (lua_isnoneornil(L, index))
        return false;
    int type = lua_getfield(L, index, name);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        lerror_raise(L, LERROR_MISUSE, "%s: %s must be true or false, got %s", method, name,
            luaL_tolstring(L, -1, NULL));
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}
