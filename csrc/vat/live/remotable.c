/* Objects: those of this vat, made by Far, and presences, which stand for others'. */
#include "value/errorvalue.h"
#include "vat/live/liveslots.h"

#include <string.h>

#define INTERFACE_MAX 256
#define NAMES_MAX 20 /* of methods, that an error tells */

static struct remotable *
push_object(lua_State *L, enum noun noun, struct bytes interface)
{
    struct remotable *object = lua_newuserdatauv(L, sizeof *object + interface.size, 2);
    object->noun = noun;
    object->known = false;
    object->pinned = object->inner = false;
    object->word = 0;
    object->interface_size = interface.size;
    if (interface.size > 0)
        memcpy(object->interface, interface.data, interface.size);
    luaL_setmetatable(L, noun == NOUN_REMOTABLE ? "remotable" : "presence");
    return object;
}

void
remotable_push_presence(lua_State *L, uint64_t word, struct bytes interface)
{
    struct remotable *presence = push_object(L, NOUN_PRESENCE, interface);
    presence->word = word;
    presence->known = true;
    slots_put(L, word, -1);
}

static struct remotable *
object_at(lua_State *L, int index)
{
    struct remotable *object = noun_at(L, index, NOUN_REMOTABLE);
    return object != NULL ? object : noun_at(L, index, NOUN_PRESENCE);
}

static const char *
push_interface(lua_State *L, const struct remotable *object)
{
    if (object->interface_size == 0)
        lua_pushliteral(L, "object");
    else
        lua_pushlstring(L, object->interface, object->interface_size);
    return lua_tostring(L, -1);
}

/* Methods */

void
remotable_push_method(lua_State *L, int object, int name)
{
    lua_pushvalue(L, name);
    lua_getiuservalue(L, object, 1);
    lua_insert(L, -2);
    lua_rawget(L, -2);
    lua_replace(L, -2);
}

/* Puts the name where it belongs among the sorted ones, of which the last may go. */
static int
insert_name(const char **names, int count, const char *name)
{
    int at = count;
    while (at > 0 && strcmp(names[at - 1], name) > 0)
        at--;
    if (at == NAMES_MAX)
        return count;
    int kept = count < NAMES_MAX ? count : NAMES_MAX - 1;
    memmove(&names[at + 1], &names[at], (size_t)(kept - at) * sizeof *names);
    names[at] = name;
    return kept + 1;
}

/* Pushes the names of the methods, sorted, as text. */
static void
push_method_names(lua_State *L, int object)
{
    const char *names[NAMES_MAX];
    int count = 0;
    lua_Integer total = 0;
    int top = lua_gettop(L);
    lua_getiuservalue(L, object, 1);
    for (lua_pushnil(L); lua_next(L, top + 1); lua_pop(L, 1), total++)
        count = insert_name(names, count, lua_tostring(L, -2));
    lua_pushstring(L, count == 0 ? "no methods" : names[0]);
    for (int i = 1; i < count; i++) {
        lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), names[i]);
        lua_replace(L, -2);
    }
    if (total > count)
        lua_pushfstring(L, "%s, ...", lua_tostring(L, -1));
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
}

void
remotable_push_no_method(lua_State *L, int index, int name)
{
    int top = lua_gettop(L);
    const char *interface = push_interface(L, object_at(L, index));
    push_method_names(L, index);
    errorvalue_push(L, "NoSuchMethod", "%s has no method %s, has: %s", interface,
        lua_tostring(L, name), lua_tostring(L, -1));
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
}

/* What vat code sees */

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
    push_object(L, NOUN_REMOTABLE, interface);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 2);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    lua_setiuservalue(L, -2, 1);
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
    const struct remotable *object = object_at(L, 1);
    if (object == NULL)
        return luaL_typeerror(L, 1, "remotable");
    return luaL_error(L, "%s cannot be changed: its methods are those that Far was given",
        push_interface(L, object));
}

static int
l_presence_use(lua_State *L)
{
    const struct remotable *object = object_at(L, 1);
    if (object == NULL)
        return luaL_typeerror(L, 1, "presence");
    return luaL_error(
        L, "%s is a reference to another vat: write E(x):method(...)", push_interface(L, object));
}

static int
l_object_tostring(lua_State *L)
{
    const struct remotable *object = object_at(L, 1);
    if (object == NULL)
        return luaL_typeerror(L, 1, "remotable");
    lua_pushfstring(L, "<%s>", push_interface(L, object));
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
remotable_open(lua_State *L)
{
    sandbox_type(L, "remotable", remotable_type);
    sandbox_type(L, "presence", presence_type);
    lua_pushcfunction(L, l_far);
    lua_setglobal(L, "Far");
    lua_pushcfunction(L, l_error);
    lua_setglobal(L, "Error");
}
