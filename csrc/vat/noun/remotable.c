#include "vat/noun/remotable.h"

#include "base/ref.h"
#include "value/errorvalue.h"
#include "vat/noun/words.h"

#include <assert.h>

#define NAMES_MAX 20 /* of methods, that an error tells */

struct remotable *
remotable_push(lua_State *L, enum noun noun, struct bytes interface, const char *type, int values)
{
    struct remotable *object = lua_newuserdatauv(L, sizeof *object + interface.size, values);
    *object = (struct remotable){.noun = noun, .interface_size = interface.size};
    if (interface.size > 0)
        memcpy(object->interface, interface.data, interface.size);
    luaL_setmetatable(L, type);
    return object;
}

void
remotable_push_presence(lua_State *L, uint64_t word, struct bytes interface)
{
    struct remotable *presence =
        remotable_push(L, NOUN_PRESENCE, interface, "presence", REMOTABLE_PROXY);
    presence->word = word;
    presence->known = true;
    words_put(L, word, -1);
}

struct remotable *
remotable_at(lua_State *L, int index)
{
    struct remotable *object = noun_at(L, index, NOUN_REMOTABLE);
    return object != NULL ? object : noun_at(L, index, NOUN_PRESENCE);
}

bool
remotable_is_durable(const struct remotable *object)
{
    return vref_kind((struct vref){object->word}) == REF_DURABLE;
}

struct bytes
remotable_interface(const struct remotable *object)
{
    return (struct bytes){(const uint8_t *)object->interface, object->interface_size};
}

bool
remotable_is_sound(const struct remotable *object)
{
    struct vref vref = {object->word};
    bool presence = object->noun == NOUN_PRESENCE;
    if (object->word == 0)
        return !object->known && !object->pinned && !object->inner;
    if (object->inner)
        return !presence && vref_kind(vref) == REF_DURABLE;
    return vref_is_import(vref) == presence && (object->known || !object->pinned) &&
           !(presence && object->pinned);
}

const char *
remotable_push_interface(lua_State *L, const struct remotable *object)
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
    lua_getiuservalue(L, object, REMOTABLE_METHODS);
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
    lua_getiuservalue(L, object, REMOTABLE_METHODS);
    for (lua_pushnil(L); lua_next(L, top + 1); lua_pop(L, 1), total++)
        count = insert_name(names, count, lua_tostring(L, -2));
    assert(count <= NAMES_MAX && count <= total);
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
    const char *interface = remotable_push_interface(L, remotable_at(L, index));
    push_method_names(L, index);
    errorvalue_push(L, "NoSuchMethod", "%s has no method %s, has: %s", interface,
        lua_tostring(L, name), lua_tostring(L, -1));
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
}
