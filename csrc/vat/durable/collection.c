#include "vat/durable/collection.h"

#include "vat/durable/durable.h"
#include "vat/durable/ldurable.h"
#include "vat/durable/record.h"
#include "vat/internal.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/registry.h"

/* The number of the collection, counting a new one when the name is new. */
static uint64_t
number_of(lua_State *L, bool is_set)
{
    struct vat *vat = vat_of(L);
    struct durable_key key, counter;
    key_open(&key, KEY_COLLECTION);
    key_add_string(&key, L, 1);
    key_open(&counter, KEY_COLLECTION_COUNTER);
    struct record record = record_get(vat, &key);
    if (record.present && (record.second != 0) != is_set)
        luaL_error(L, "vat.%s(\"%s\"): this name is taken by a %s", is_set ? "set" : "map",
            lua_tostring(L, 1), is_set ? "map" : "set");
    if (record.present)
        return record.first;
    durable_check(L, 0);
    uint64_t number = record_next(vat, &counter);
    record_set(vat, &key, number, is_set);
    return number;
}

static int
push_collection(lua_State *L, bool is_set)
{
    const char *function = is_set ? "set" : "map";
    if (lua_type(L, 1) != LUA_TSTRING)
        return luaL_error(L, "vat.%s takes a name, vat.%s(\"accounts\"), got %s", function,
            function, luaL_typename(L, 1));
    struct bytes name;
    name.data = (const uint8_t *)lua_tolstring(L, 1, &name.size);
    if (name.size == 0 || name.size > KEY_NAME_MAX)
        return luaL_error(L, "vat.%s: a name must have 1 to %d bytes", function, KEY_NAME_MAX);
    lua_settop(L, 1);
    registry_push(L, liveslots_of(L)->collections);
    uint64_t number = number_of(L, is_set);
    if (lua_rawgeti(L, 2, (lua_Integer)number) != LUA_TNIL)
        return 1;
    lstore_push(L, is_set ? FACE_SET : FACE_MAP, number, name);
    lua_pushvalue(L, -1);
    lua_rawseti(L, 2, (lua_Integer)number);
    return 1;
}

int
collection_map(lua_State *L)
{
    return push_collection(L, false);
}

int
collection_set(lua_State *L)
{
    return push_collection(L, true);
}
