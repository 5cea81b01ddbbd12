#include "vat/noun/lremotable.h"

#include "value/errorvalue.h"
#include "vat/machine/sandbox.h"
#include "vat/noun/remotable.h"

#define INTERFACE_MAX 256

static void
check_methods(lua_State *L, const char *interface)
{
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "Far(\"%s\"): a method's name must be a string, got %s", interface,
                luaL_typename(L, -2));
        if (lua_type(L, -1) != LUA_TFUNCTION)
            luaL_error(L, "Far(\"%s\"): method %s must be a function, got %s", interface,
                lua_tostring(L, -2), luaL_typename(L, -1));
    }
}

static int
l_far(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TSTRING || !lua_istable(L, 2))
        return luaL_error(L,
            "Far takes an interface's name and a table of methods, "
            "Far(\"Counter\", { ... }), got %s and %s",
            luaL_typename(L, 1), luaL_typename(L, 2));
    struct bytes interface;
    interface.data = (const uint8_t *)lua_tolstring(L, 1, &interface.size);
    if (interface.size == 0 || interface.size > INTERFACE_MAX)
        return luaL_error(L, "Far: the interface's name must have 1 to %d bytes", INTERFACE_MAX);
    check_methods(L, (const char *)interface.data);
    remotable_push(L, NOUN_REMOTABLE, interface, "remotable", REMOTABLE_PROXY);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 2);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    lua_setiuservalue(L, -2, REMOTABLE_METHODS);
    return 1;
}

static int
l_remotable_index(lua_State *L)
{
    if (noun_at(L, 1, NOUN_REMOTABLE) == NULL)
        return luaL_typeerror(L, 1, "remotable");
    remotable_push_method(L, 1, 2);
    return 1;
}

static int
l_remotable_newindex(lua_State *L)
{
    const struct remotable *object = remotable_at(L, 1);
    if (object == NULL)
        return luaL_typeerror(L, 1, "remotable");
    return luaL_error(L, "%s cannot be changed: its methods are those that Far was given",
        remotable_push_interface(L, object));
}

static int
l_presence_use(lua_State *L)
{
    const struct remotable *object = remotable_at(L, 1);
    if (object == NULL)
        return luaL_typeerror(L, 1, "presence");
    return luaL_error(L, "%s is a reference to another vat: write E(x):method(...)",
        remotable_push_interface(L, object));
}

static int
l_object_tostring(lua_State *L)
{
    const struct remotable *object = remotable_at(L, 1);
    if (object == NULL)
        return luaL_typeerror(L, 1, "remotable");
    lua_pushfstring(L, "<%s>", remotable_push_interface(L, object));
    return 1;
}

/* Error { name, message, ... } */
static int
l_error(lua_State *L)
{
    if (!lua_istable(L, 1) || lua_getmetatable(L, 1))
        return luaL_error(L, "Error takes a table, Error { name = ..., message = ... }, got %s",
            luaL_typename(L, 1));
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 1);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    static const char *const fields[] = {"name", "message"};
    for (int i = 0; i < 2; i++) {
        int type = lua_getfield(L, -1, fields[i]);
        if (type != LUA_TSTRING && type != LUA_TNIL)
            return luaL_error(
                L, "Error: %s must be a string, got %s", fields[i], luaL_typename(L, -1));
        lua_pop(L, 1);
        if (type == LUA_TNIL) {
            lua_pushstring(L, i == 0 ? "Error" : "");
            lua_setfield(L, -2, fields[i]);
        }
    }
    errorvalue_make(L);
    return 1;
}

static const luaL_Reg remotable_type[] = {
    {"__index", l_remotable_index},
    {"__newindex", l_remotable_newindex},
    {"__tostring", l_object_tostring},
    {NULL, NULL},
};

static const luaL_Reg presence_type[] = {
    {"__index", l_presence_use},
    {"__newindex", l_presence_use},
    {"__call", l_presence_use},
    {"__tostring", l_object_tostring},
    {NULL, NULL},
};

void
lremotable_open(lua_State *L)
{
    sandbox_type(L, "remotable", remotable_type);
    sandbox_type(L, "presence", presence_type);
    lua_pushcfunction(L, l_far);
    lua_setglobal(L, "Far");
    lua_pushcfunction(L, l_error);
    lua_setglobal(L, "Error");
}
