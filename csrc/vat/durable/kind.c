#include "vat/durable/kind.h"

#include "vat/durable/durable.h"
#include "vat/durable/instance.h"
#include "vat/durable/record.h"
#include "vat/durable/store.h"
#include "vat/internal.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/registry.h"
#include "vat/noun/words.h"

#include <assert.h>

#define INTERFACE_MAX 256

static struct kind *
push_new_kind(lua_State *L, struct bytes name)
{
    struct kind *kind = lua_newuserdatauv(L, sizeof *kind + name.size + 1, 1);
    *kind = (struct kind){.noun = NOUN_KIND, .name_size = name.size};
    memcpy(kind->name, name.data, name.size);
    kind->name[name.size] = 0;
    lua_newtable(L);
    lua_setiuservalue(L, -2, KIND_METHODS);
    registry_push(L, liveslots_of(L)->kinds);
    lua_pushlstring(L, kind->name, kind->name_size);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    return kind;
}

static void
number_kind(lua_State *L, int index, uint64_t number)
{
    struct kind *kind = noun_at(L, index, NOUN_KIND);
    assert(kind->number == 0);
    kind->number = number;
    registry_put(L, liveslots_of(L)->kinds, (lua_Integer)number, index);
}

void
kind_start(lua_State *L)
{
    struct durable_key prefix;
    struct bytes key;
    struct entry_value value;
    struct store *durable = vat_of(L)->durable;
    key_open(&prefix, KEY_KIND);
    bool any = store_seek(durable, key_view(&prefix), &key, &value);
    while (any && key_has_prefix(key, &prefix)) {
        uint64_t number = record_read(&value).first;
        if (number == 0 || number > KIND_NUMBER_MAX)
            luaL_error(L, "a stored kind is malformed");
        push_new_kind(L, (struct bytes){key.data + prefix.size, key.size - prefix.size});
        number_kind(L, -1, number);
        lua_pop(L, 1);
        struct bytes after = key;
        any = store_next(durable, &after, &key, &value);
    }
}

void
kind_check(lua_State *L)
{
    struct durable_key prefix;
    struct bytes key;
    struct entry_value value;
    struct store *durable = vat_of(L)->durable;
    int top = lua_gettop(L);
    registry_push(L, liveslots_of(L)->kinds);
    lua_pushliteral(L, "");
    key_open(&prefix, KEY_KIND);
    bool any = store_seek(durable, key_view(&prefix), &key, &value);
    while (any && key_has_prefix(key, &prefix)) {
        lua_rawgeti(L, top + 1, (lua_Integer)record_read(&value).first);
        const struct kind *kind = noun_at(L, -1, NOUN_KIND);
        if (kind != NULL && !kind->defined) {
            const char *text = lua_tostring(L, top + 2);
            lua_pushfstring(L, "%s%skind \"%s\" was not defined again", text,
                *text == 0 ? "" : ", ", kind->name);
            lua_replace(L, top + 2);
        }
        lua_settop(L, top + 2);
        struct bytes after = key;
        any = store_next(durable, &after, &key, &value);
    }
    if (*lua_tostring(L, top + 2) != 0)
        luaL_error(L,
            "%s; the build function must call vat.kind for every kind that was used before",
            lua_tostring(L, top + 2));
    lua_settop(L, top);
}

/* Methods */

/* Outside of the methods there is no self: what they return is the instance. */
static int
method_done(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    int count = lua_gettop(L);
    for (int i = 1; i <= count; i++) {
        const struct remotable *object = noun_at(L, i, NOUN_REMOTABLE);
        if (object != NULL && object->inner) {
            instance_push_outer(L, i);
            lua_replace(L, i);
        }
    }
    return count;
}

/* Upvalues: the function, the kind, the method's name. */
static int
l_method(lua_State *L)
{
    const struct kind *kind = noun_at(L, lua_upvalueindex(2), NOUN_KIND);
    const struct remotable *object = noun_at(L, 1, NOUN_REMOTABLE);
    struct vref vref = {object == NULL ? 0 : object->word};
    if (vref_kind(vref) != REF_DURABLE || vref_number(vref) >> KIND_INSTANCE_BITS != kind->number)
        return luaL_error(L, "%s is a method of %s: write x:%s(...), with a colon",
            lua_tostring(L, lua_upvalueindex(3)), kind->name, lua_tostring(L, lua_upvalueindex(3)));
    if (!object->inner) {
        instance_push_self(L, lua_upvalueindex(2), 1);
        lua_replace(L, 1);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, method_done);
    return method_done(L, LUA_OK, 0);
}

/* vat.kind(name, methods) and make(state) */

/* The number of the kind's next instance; its first one gives the kind a number too. */
static uint64_t
next_instance(lua_State *L, const struct kind *kind)
{
    struct vat *vat = vat_of(L);
    struct durable_key key;
    assert(kind->defined);
    if (kind->number == 0) {
        key_open(&key, KEY_KIND_COUNTER);
        uint64_t number = record_next(vat, &key);
        key_open(&key, KEY_KIND);
        key_add(&key, (struct bytes){(const uint8_t *)kind->name, kind->name_size});
        record_set(vat, &key, number, 0);
        number_kind(L, lua_upvalueindex(1), number);
    }
    key_open(&key, KEY_INSTANCE_COUNTER);
    key_add_number(&key, kind->number);
    uint64_t number = record_next(vat, &key);
    if (kind->number > KIND_NUMBER_MAX || number == 0 || number >> KIND_INSTANCE_BITS != 0)
        luaL_error(L, "%s: the stored counter is malformed", kind->name);
    uint64_t word = vref_export(REF_DURABLE, kind->number << KIND_INSTANCE_BITS | number).word;
    if (words_push(L, word)) /* an instance that lives has the number already */
        luaL_error(L, "%s: the stored counter is malformed", kind->name);
    return word;
}

/* make(state). Upvalue: the kind. */
static int
l_make(lua_State *L)
{
    const struct kind *kind = noun_at(L, lua_upvalueindex(1), NOUN_KIND);
    lua_settop(L, 1);
    if (!lua_isnil(L, 1) && (!lua_istable(L, 1) || lua_getmetatable(L, 1)))
        return luaL_error(L, "%s: the state must be a plain table, got %s", kind->name,
            lua_istable(L, 1) ? "one with a metatable" : luaL_typename(L, 1));
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    durable_trim(L);
    lua_getiuservalue(L, lua_upvalueindex(1), KIND_METHODS);
    instance_collect_state(L, kind, 2);
    uint64_t word = next_instance(L, kind);
    instance_create(L, word);
    instance_push(L, lua_upvalueindex(1), word);
    return 1;
}

static void
check_definition(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TSTRING || !lua_istable(L, 2))
        luaL_error(L,
            "vat.kind takes a name and a table of methods, "
            "vat.kind(\"Purse\", { ... }), got %s and %s",
            luaL_typename(L, 1), luaL_typename(L, 2));
    if (lua_rawlen(L, 1) == 0 || lua_rawlen(L, 1) > INTERFACE_MAX)
        luaL_error(L, "vat.kind: the name must have 1 to %d bytes", INTERFACE_MAX);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "vat.kind(\"%s\"): a method's name must be a string, got %s",
                lua_tostring(L, 1), luaL_typename(L, -2));
        if (lua_type(L, -1) != LUA_TFUNCTION)
            luaL_error(L, "vat.kind(\"%s\"): method %s must be a function, got %s",
                lua_tostring(L, 1), lua_tostring(L, -2), luaL_typename(L, -1));
    }
}

int
kind_define(lua_State *L)
{
    check_definition(L);
    lua_settop(L, 2);
    registry_push(L, liveslots_of(L)->kinds);
    lua_pushvalue(L, 1);
    lua_rawget(L, 3);
    struct kind *kind = noun_at(L, 4, NOUN_KIND);
    if (kind != NULL && kind->defined)
        return luaL_error(L, "vat.kind(\"%s\"): this kind is defined already", kind->name);
    if (kind == NULL) {
        struct bytes name;
        name.data = (const uint8_t *)lua_tolstring(L, 1, &name.size);
        kind = push_new_kind(L, name);
        lua_replace(L, 4);
    }
    kind->defined = true;
    lua_getiuservalue(L, 4, KIND_METHODS);
    for (lua_pushnil(L); lua_next(L, 2);) {
        lua_pushvalue(L, 6);
        lua_insert(L, -2);
        lua_pushvalue(L, 4);
        lua_pushvalue(L, 6);
        lua_pushcclosure(L, l_method, 3);
        lua_rawset(L, 5);
    }
    lua_pushvalue(L, 4);
    lua_pushcclosure(L, l_make, 1);
    return 1;
}
