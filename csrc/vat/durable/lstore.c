/* Durable tables as Lua values: vat.vatstore, vat.baggage, and what vat.map and vat.set give. */
#include "vat/durable/ldurable.h"

#include "value/errorvalue.h"
#include "value/marshal.h"
#include "vat/durable/durable.h"
#include "vat/durable/store.h"
#include "vat/internal.h"
#include "vat/machine/outside.h"
#include "vat/machine/sandbox.h"
#include "vat/noun/remotable.h"

#include <stdlib.h>

#define SIGN_BIT (UINT64_C(1) << 63)

struct face {
    enum noun noun;
    enum face_kind kind;
    uint64_t number; /* of a collection */
    size_t name_size;
    char name[];
};

static const char *const type_names[] = {"vatstore", "baggage", "map", "set"};

static const struct face *
check_face(lua_State *L, int index)
{
    const struct face *face = noun_at(L, index, NOUN_STORE);
    luaL_argexpected(
        L, face != NULL, index, "vat.vatstore, vat.baggage, or what vat.map or vat.set gave");
    return face;
}

static bool
is_collection(const struct face *face)
{
    return face->kind == FACE_MAP || face->kind == FACE_SET;
}

static struct store *
store_of(lua_State *L, const struct face *face)
{
    struct vat *vat = vat_of(L);
    return face->kind == FACE_VATSTORE ? vat->vatstore : vat->durable;
}

/* How errors name it; pushed. */
static const char *
push_name(lua_State *L, const struct face *face)
{
    if (!is_collection(face))
        return lua_pushstring(L, type_names[face->kind]);
    lua_pushlstring(L, face->name, face->name_size);
    lua_pushfstring(L, "vat.%s(\"%s\")", type_names[face->kind], lua_tostring(L, -1));
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}

/* Keys */

static void
open_key(struct durable_key *key, const struct face *face)
{
    key_open(key, is_collection(face) ? KEY_ENTRY : "");
    if (is_collection(face))
        key_add_number(key, face->number);
}

static void
add_string(lua_State *L, struct durable_key *key, const struct face *face, int index)
{
    if (lua_rawlen(L, index) > KEY_NAME_MAX) {
        errorvalue_push(L, "LimitExceeded", "%s: a key of %d bytes, the limit is 1024 (1 KiB)",
            push_name(L, face), (int)lua_rawlen(L, index));
        lua_error(L);
    }
    if (face->kind != FACE_VATSTORE)
        key_add_byte(key, 's');
    key_add_string(key, L, index);
}

static _Noreturn void
refuse_key(lua_State *L, const struct face *face, int index)
{
    static const char *const wanted[] = {"a string", "a string or an integer",
        "a string, an integer or a reference", "a string, an integer or a reference"};
    luaL_error(L, "%s: a key must be %s, got %s", push_name(L, face), wanted[face->kind],
        lua_type(L, index) == LUA_TNUMBER && face->kind != FACE_VATSTORE ? "a fraction"
                                                                         : luaL_typename(L, index));
    abort();
}

/* A key that is a reference; NULL: it is none. */
static const struct remotable *
reference_at(lua_State *L, const struct face *face, int index)
{
    if (!is_collection(face))
        return NULL;
    return remotable_at(L, index);
}

static void
get_key(lua_State *L, struct durable_key *key, const struct face *face, int index)
{
    int is_integer = 0;
    lua_Integer integer = 0;
    open_key(key, face);
    if (lua_type(L, index) == LUA_TSTRING) {
        add_string(L, key, face, index);
        return;
    }
    const struct remotable *object = reference_at(L, face, index);
    if (object != NULL) {
        durable_encode(L, index, 1, "key", false); /* raises when it cannot be stored */
        key_add_byte(key, 'v');
        key_add_number(key, object->word);
        return;
    }
    if (lua_type(L, index) == LUA_TNUMBER)
        integer = lua_tointegerx(L, index, &is_integer);
    if (!is_integer || face->kind == FACE_VATSTORE)
        refuse_key(L, face, index);
    key_add_byte(key, 'i');
    key_add_number(key, (uint64_t)integer ^ SIGN_BIT);
}

/* interface: of a key that is a reference. */
static void
push_key(lua_State *L, const struct face *face, struct bytes key, struct bytes interface)
{
    if (face->kind == FACE_VATSTORE) {
        lua_pushlstring(L, (const char *)key.data, key.size);
        return;
    }
    struct durable_key prefix;
    open_key(&prefix, face);
    size_t at = prefix.size + 1;
    if (key.data[at - 1] == 'i')
        lua_pushinteger(L, (lua_Integer)(key_number(key, at) ^ SIGN_BIT));
    else if (key.data[at - 1] == 's')
        lua_pushlstring(L, (const char *)key.data + at, key.size - at);
    else
        durable_push_reference(L, key_number(key, at), interface);
}

/* Reading */

/* Pushes the value, and for a key that is a reference its interface. */
static int
push_values(lua_State *L, const struct face *face, const struct entry_value *value)
{
    if (face->kind == FACE_VATSTORE) {
        lua_pushlstring(L, (const char *)value->body.data, value->body.size);
        return 1;
    }
    int count = durable_push(L, value->body, value->slots);
    if (count != 1 && (count != 2 || lua_type(L, -1) != LUA_TSTRING))
        luaL_error(L, "%s: a stored value is malformed", push_name(L, face));
    return count;
}

static int
l_store_index(lua_State *L)
{
    struct durable_key key;
    const struct face *face = check_face(L, 1);
    durable_trim(L);
    get_key(L, &key, face, 2);
    outside_begin();
    struct entry_value value = store_get(store_of(L, face), key_view(&key));
    outside_end();
    if (!value.present)
        return 0;
    if (push_values(L, face, &value) == 2)
        lua_pop(L, 1);
    return 1;
}

/* Writing */

static void
put_string(lua_State *L, const struct durable_key *key)
{
    struct bytes value;
    if (lua_type(L, 3) != LUA_TSTRING)
        luaL_error(L,
            "vatstore[\"%s\"]: a value must be a string, got %s; vat.baggage takes others",
            lua_tostring(L, 2), luaL_typename(L, 3));
    value.data = (const uint8_t *)lua_tolstring(L, 3, &value.size);
    if (value.size > MARSHAL_SIZE_MAX) {
        errorvalue_push(L, "LimitExceeded",
            "vatstore[\"%s\"]: a value of %d bytes, the limit is 16 MiB", lua_tostring(L, 2),
            (int)value.size);
        lua_error(L);
    }
    durable_check(L, value.size);
    outside_begin();
    store_set(vat_of(L)->vatstore, key_view(key), value, (struct bytes){NULL, 0});
    outside_end();
}

/* How errors name the value; pushed. */
static const char *
push_path(lua_State *L, const struct face *face)
{
    int type = lua_type(L, 3);
    const char *name = push_name(L, face);
    if (type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING)
        return name;
    if (lua_type(L, 2) == LUA_TSTRING)
        return lua_pushfstring(L, "%s.%s", name, lua_tostring(L, 2));
    return lua_pushfstring(L, "%s[%s]", name, luaL_tolstring(L, 2, NULL));
}

static void
put_value(lua_State *L, const struct face *face, const struct durable_key *key)
{
    struct vat *vat = vat_of(L);
    const struct remotable *object = reference_at(L, face, 2);
    const char *path = push_path(L, face);
    lua_pushvalue(L, 3);
    if (object != NULL)
        lua_pushlstring(L, object->interface, object->interface_size);
    int value = lua_gettop(L) - (object != NULL);
    durable_encode(L, value, object == NULL ? 1 : 2, path, false);
    durable_check(L, vat->run.out.body.size);
    if (object != NULL) {
        outside_begin();
        buf_number(&vat->scratch.slots, object->word);
        outside_end();
    }
    durable_set(L, key, buf_view(&vat->run.out.body), buf_view(&vat->scratch.slots));
}

static int
l_store_newindex(lua_State *L)
{
    struct durable_key key;
    const struct face *face = check_face(L, 1);
    durable_trim(L);
    lua_settop(L, 3);
    get_key(L, &key, face, 2);
    if (lua_isnil(L, 3)) {
        durable_check(L, 0);
        if (face->kind != FACE_VATSTORE) {
            durable_remove(L, &key);
            return 0;
        }
        outside_begin();
        store_delete(vat_of(L)->vatstore, key_view(&key));
        outside_end();
    } else if (face->kind == FACE_VATSTORE) {
        put_string(L, &key);
    } else if (face->kind == FACE_SET && !(lua_isboolean(L, 3) && lua_toboolean(L, 3))) {
        return luaL_error(L, "%s: a key is put in with true and taken out with nil, got %s",
            push_name(L, face), lua_isboolean(L, 3) ? "false" : luaL_typename(L, 3));
    } else {
        put_value(L, face, &key);
    }
    return 0;
}

/* Iterating */

/* Pushes the key and value that follow the key at index, or come first when it is nil; and begin
   with the prefix. */
static int
push_next(lua_State *L, const struct face *face, int index, const struct durable_key *prefix)
{
    struct durable_key after;
    struct bytes found;
    struct entry_value value;
    struct store *store = store_of(L, face);
    bool first = lua_isnoneornil(L, index);
    durable_trim(L);
    if (!first)
        get_key(L, &after, face, index);
    struct bytes view = key_view(first ? prefix : &after);
    outside_begin();
    bool any =
        first ? store_seek(store, view, &found, &value) : store_next(store, &view, &found, &value);
    outside_end();
    if (!any || !key_has_prefix(found, prefix) ||
        (face->kind == FACE_BAGGAGE && found.data[0] == 't')) {
        lua_pushnil(L);
        return 1;
    }
    struct bytes interface = {NULL, 0};
    if (push_values(L, face, &value) == 2)
        interface.data = (const uint8_t *)lua_tolstring(L, -1, &interface.size);
    push_key(L, face, found, interface);
    if (interface.data != NULL)
        lua_remove(L, -2);
    lua_insert(L, -2);
    return 2;
}

static int
l_store_next(lua_State *L)
{
    struct durable_key all;
    const struct face *face = check_face(L, 1);
    open_key(&all, face);
    lua_settop(L, 2);
    return push_next(L, face, 2, &all);
}

static int
l_store_pairs(lua_State *L)
{
    check_face(L, 1);
    lua_pushcfunction(L, l_store_next);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* Upvalue: the prefix. */
static int
l_range_next(lua_State *L)
{
    struct durable_key prefix;
    const struct face *face = check_face(L, 1);
    lua_settop(L, 2);
    open_key(&prefix, face);
    add_string(L, &prefix, face, lua_upvalueindex(1));
    return push_next(L, face, 2, &prefix);
}

int
lstore_range(lua_State *L)
{
    check_face(L, 1);
    luaL_checktype(L, 2, LUA_TSTRING);
    lua_settop(L, 2);
    lua_pushcclosure(L, l_range_next, 1);
    lua_insert(L, 1);
    lua_pushnil(L);
    return 3;
}

static int
l_store_tostring(lua_State *L)
{
    push_name(L, check_face(L, 1));
    return 1;
}

static const luaL_Reg store_type[] = {
    {"__index", l_store_index},
    {"__newindex", l_store_newindex},
    {"__pairs", l_store_pairs},
    {"__tostring", l_store_tostring},
    {NULL, NULL},
};

const char *
lstore_refusal(const enum noun *store)
{
    if (!is_collection((const struct face *)(const void *)store))
        return NULL;
    return "a durable map or set cannot be passed; pass its values, or an object that reads them";
}

void
lstore_push(lua_State *L, enum face_kind kind, uint64_t number, struct bytes name)
{
    struct face *face = lua_newuserdatauv(L, sizeof *face + name.size, 0);
    *face = (struct face){NOUN_STORE, kind, number, name.size};
    if (name.size > 0)
        memcpy(face->name, name.data, name.size);
    luaL_setmetatable(L, type_names[kind]);
}

void
lstore_open(lua_State *L)
{
    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++)
        sandbox_type(L, type_names[i], store_type);
}
