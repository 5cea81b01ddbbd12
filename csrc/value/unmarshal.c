#include "value/unmarshal.h"

#include "base/cbor.h"
#include "base/read.h"
#include "value/errorvalue.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>

struct reading {
    lua_State *L;
    struct reader reader;
    const struct marshal_ops *ops;
    void *context;
    int depth;
};

static _Noreturn void
malformed(struct reading *reading)
{
    luaL_error(reading->L, "malformed value");
    abort();
}

static void read_value(struct reading *reading);

/* As deep as marshal_encode writes, and no deeper. */
static void
enter_table(struct reading *reading)
{
    if (reading->depth++ == CBOR_DEPTH_MAX)
        malformed(reading);
}

static void
read_array(struct reading *reading, uint64_t count)
{
    lua_State *L = reading->L;
    enter_table(reading);
    lua_createtable(L, count < INT32_MAX ? (int)count : 0, 0);
    for (uint64_t i = 1; i <= count; i++) {
        read_value(reading);
        assert(lua_istable(L, -2));
        lua_rawseti(L, -2, (lua_Integer)i);
    }
    assert(reading->depth > 0);
    reading->depth--;
}

static void
read_map(struct reading *reading, uint64_t count)
{
    lua_State *L = reading->L;
    enter_table(reading);
    lua_createtable(L, 0, count < INT32_MAX ? (int)count : 0);
    for (uint64_t i = 0; i < count; i++) {
        read_value(reading);
        bool nan = lua_type(L, -1) == LUA_TNUMBER && !lua_rawequal(L, -1, -1);
        if (lua_isnil(L, -1) || lua_istable(L, -1) || lua_isuserdata(L, -1) || nan)
            malformed(reading);
        read_value(reading);
        assert(lua_istable(L, -3));
        lua_rawset(L, -3);
    }
    assert(reading->depth > 0);
    reading->depth--;
}

static void
read_tag(struct reading *reading, uint64_t tag)
{
    lua_State *L = reading->L;
    struct cbor_item item = cbor_next(&reading->reader);
    struct bytes interface = {NULL, 0};
    if (tag == CBOR_TAG_ERROR && item.type == CBOR_IS_MAP) {
        read_map(reading, item.count);
        errorvalue_make(L);
        return;
    }
    if (tag == CBOR_TAG_OBJECT && item.type == CBOR_IS_ARRAY && item.count == 2) {
        item = cbor_next(&reading->reader);
        struct cbor_item name = cbor_next(&reading->reader);
        if (name.type != CBOR_IS_STRING)
            malformed(reading);
        interface = name.string;
    } else if (tag != CBOR_TAG_PROMISE) {
        malformed(reading);
    }
    if (item.type != CBOR_IS_INTEGER || item.integer < 0)
        malformed(reading);
    reading->ops->push(
        L, reading->context, (uint64_t)item.integer, tag == CBOR_TAG_PROMISE, interface);
}

static void
read_container(struct reading *reading, const struct cbor_item *item)
{
    luaL_checkstack(reading->L, 8, NULL);
    if (item->type == CBOR_IS_ARRAY)
        read_array(reading, item->count);
    else if (item->type == CBOR_IS_MAP)
        read_map(reading, item->count);
    else
        read_tag(reading, item->count);
}

static void
read_value(struct reading *reading)
{
    lua_State *L = reading->L;
    struct cbor_item item = cbor_next(&reading->reader);
    switch (item.type) {
    case CBOR_IS_NIL:
        lua_pushnil(L);
        break;
    case CBOR_IS_BOOLEAN:
        lua_pushboolean(L, item.boolean);
        break;
    case CBOR_IS_INTEGER:
        lua_pushinteger(L, item.integer);
        break;
    case CBOR_IS_FLOAT:
        lua_pushnumber(L, item.number);
        break;
    case CBOR_IS_STRING:
        lua_pushlstring(L, (const char *)item.string.data, item.string.size);
        break;
    case CBOR_IS_ARRAY:
    case CBOR_IS_MAP:
    case CBOR_IS_TAG:
        read_container(reading, &item);
        break;
    case CBOR_IS_BAD:
        malformed(reading);
    }
}

int
unmarshal_push(lua_State *L, struct bytes body, const struct marshal_ops *ops, void *context)
{
    struct reading reading = {.L = L, .reader = reader_of(body), .ops = ops, .context = context};
    struct cbor_item list = cbor_next(&reading.reader);
    if (list.type != CBOR_IS_ARRAY || list.count > MARSHAL_VALUE_MAX)
        malformed(&reading);
    luaL_checkstack(L, (int)list.count + 8, "too many values");
    for (uint64_t i = 0; i < list.count; i++)
        read_value(&reading);
    if (reading.reader.at != reading.reader.end)
        malformed(&reading);
    assert(reading.depth == 0);
    return (int)list.count;
}
