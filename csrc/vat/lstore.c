/* vat.vatstore and vat.baggage: a vat's durable tables, as Lua values.
 *
 * A key of the baggage is stored as "i" and the integer, big-endian with its sign bit flipped, or
 * as "s" and the string: in byte order, integers come first. */
#include "vat/liveslots.h"

#include <string.h>

#define KEY_MAX 1024
#define CHANGES_MAX 1000000            /* keys changed in one delivery */
#define STORED_MAX ((size_t)256 << 20) /* bytes in one delivery, which no heap's limit sees */
#define SIGN_BIT (UINT64_C(1) << 63)
#define BYTES_CHARGED 8 /* of a value, for one instruction of the budget */

struct face {
    enum noun noun;
    enum change_space space;
};

/* A key as it is stored. */
struct key {
    uint8_t data[KEY_MAX + 1];
    size_t size;
};

static const char *const type_names[] = {"vatstore", "baggage"};

static enum change_space
check_face(lua_State *L, int index)
{
    const struct face *face = noun_at(L, index, NOUN_STORE);
    luaL_argexpected(L, face != NULL, index, "vat.vatstore or vat.baggage");
    return face->space;
}

static struct store *
store_of(lua_State *L, enum change_space space)
{
    struct vat *vat = vat_of(L);
    return space == SPACE_VATSTORE ? vat->vatstore : vat->durable;
}

/* Keys */

static void
set_string_key(lua_State *L, struct key *key, enum change_space space, int index)
{
    size_t size;
    const char *text = lua_tolstring(L, index, &size);
    if (size > KEY_MAX) {
        marshal_push_error(L, "LimitExceeded", "%s: a key of %d bytes, the limit is 1024 (1 KiB)",
            type_names[space], (int)size);
        lua_error(L);
    }
    key->size = 0;
    if (space == SPACE_DURABLE)
        key->data[key->size++] = 's';
    memcpy(key->data + key->size, text, size);
    key->size += size;
}

static void
get_key(lua_State *L, struct key *key, enum change_space space, int index)
{
    lua_Integer integer = 0;
    int is_integer = 0;
    if (lua_type(L, index) == LUA_TSTRING) {
        set_string_key(L, key, space, index);
        return;
    }
    if (lua_type(L, index) == LUA_TNUMBER)
        integer = lua_tointegerx(L, index, &is_integer);
    if (space == SPACE_VATSTORE)
        luaL_error(L, "vatstore: a key must be a string, got %s", luaL_typename(L, index));
    if (!is_integer)
        luaL_error(L, "baggage: a key must be a string or an integer, got %s",
            lua_type(L, index) == LUA_TNUMBER ? "a fraction" : luaL_typename(L, index));
    uint64_t number = (uint64_t)integer ^ SIGN_BIT;
    key->data[0] = 'i';
    for (int i = 0; i < 8; i++)
        key->data[1 + i] = (uint8_t)(number >> (8 * (7 - i)));
    key->size = 9;
}

static void
push_key(lua_State *L, enum change_space space, struct bytes key)
{
    if (space == SPACE_DURABLE && key.data[0] == 'i') {
        uint64_t number = 0;
        for (int i = 0; i < 8; i++)
            number = number << 8 | key.data[1 + i];
        lua_pushinteger(L, (lua_Integer)(number ^ SIGN_BIT));
        return;
    }
    size_t skip = space == SPACE_DURABLE;
    lua_pushlstring(L, (const char *)key.data + skip, key.size - skip);
}

static struct bytes
key_view(const struct key *key)
{
    return (struct bytes){key->data, key->size};
}

/* Values */

static bool
refer_stored(lua_State *L, void *context, int index, struct marshal_ref *ref)
{
    (void)context;
    const struct object *object = lua_touserdata(L, index);
    if (object->noun == NOUN_PROMISE)
        ref->refusal = "a promise cannot be stored; await it first";
    else if (object->noun == NOUN_PRESENCE && object->word == 0)
        ref->refusal = "the object that this reference stood for is gone";
    else if (object->noun == NOUN_REMOTABLE && object->word != VREF_ROOT.word)
        ref->refusal = "an object made by Far ends with this incarnation, so it cannot be stored; "
                       "only the root can";
    if (ref->refusal != NULL || (object->noun != NOUN_PRESENCE && object->noun != NOUN_REMOTABLE))
        return false;
    ref->word = object->word;
    ref->interface = (struct bytes){(const uint8_t *)object->interface, object->interface_size};
    return true;
}

/* The words of a stored value's slots, as they are read. */
struct words {
    const uint64_t *list;
    size_t count;
};

static void
push_stored(lua_State *L, void *context, uint64_t slot, bool is_promise, struct bytes interface)
{
    const struct words *words = context;
    if (slot >= words->count || is_promise)
        luaL_error(L, "baggage: a stored value is malformed");
    struct vref vref = {words->list[slot]};
    if (slots_push(L, vref.word))
        return;
    if (vref_equal(vref, VREF_ROOT))
        luaL_error(L, "baggage: the root cannot be read before the build function has returned it");
    if (!vref_is_import(vref))
        luaL_error(L, "baggage: a stored object is unknown");
    remotable_push_presence(L, vref.word, interface);
}

static const struct marshal_ops stored_ops = {
    refer_stored, push_stored, outside_begin, outside_end};

static void
push_value(lua_State *L, enum change_space space, const struct entry_value *value)
{
    if (space == SPACE_VATSTORE) {
        lua_pushlstring(L, (const char *)value->body.data, value->body.size);
        return;
    }
    int top = lua_gettop(L);
    limit_charge(L, value->body.size / BYTES_CHARGED);
    struct words words = {NULL, 0};
    if (value->slots.size > 0) {
        uint64_t *list = lua_newuserdatauv(L, value->slots.size * sizeof *list, 0);
        struct reader reader = reader_of(value->slots);
        while (read_more(&reader))
            list[words.count++] = read_number(&reader);
        words.list = list;
    }
    if (marshal_decode(L, value->body, &stored_ops, &words) != 1)
        luaL_error(L, "baggage: a stored value is malformed");
    lua_copy(L, -1, top + 1);
    lua_settop(L, top + 1);
}

/* Writing */

static void
check_changes(lua_State *L, size_t size)
{
    struct vat *vat = vat_of(L);
    size_t changes = store_change_count(vat->vatstore) + store_change_count(vat->durable);
    if (changes >= CHANGES_MAX) {
        marshal_push_error(
            L, "LimitExceeded", "more than 1000000 keys changed in one delivery, the limit");
        lua_error(L);
    }
    vat->stored_size += size;
    if (vat->stored_size > STORED_MAX)
        limit_fault(VAT_FAULT_MEMORY);
}

static void
put_string(lua_State *L, const struct key *key)
{
    struct bytes value;
    if (lua_type(L, 3) != LUA_TSTRING)
        luaL_error(L,
            "vatstore[\"%s\"]: a value must be a string, got %s; vat.baggage takes others",
            lua_tostring(L, 2), luaL_typename(L, 3));
    value.data = (const uint8_t *)lua_tolstring(L, 3, &value.size);
    if (value.size > MARSHAL_SIZE_MAX) {
        marshal_push_error(L, "LimitExceeded",
            "vatstore[\"%s\"]: a value of %d bytes, the limit is 16 MiB", lua_tostring(L, 2),
            (int)value.size);
        lua_error(L);
    }
    check_changes(L, value.size);
    outside_begin();
    store_set(vat_of(L)->vatstore, key_view(key), value, (struct bytes){NULL, 0});
    outside_end();
}

/* How errors name the value. */
static const char *
push_name(lua_State *L)
{
    int type = lua_type(L, 3);
    if (type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING)
        return "baggage";
    if (lua_type(L, 2) == LUA_TSTRING)
        return lua_pushfstring(L, "baggage.%s", lua_tostring(L, 2));
    return lua_pushfstring(L, "baggage[%I]", (LUAI_UACINT)lua_tointeger(L, 2));
}

static void
put_value(lua_State *L, const struct key *key)
{
    struct vat *vat = vat_of(L);
    struct marshal_path path = {push_name(L), false};
    marshal_encode(L, 3, 1, path, &vat->out, &stored_ops, NULL);
    limit_charge(L, vat->out.body.size / BYTES_CHARGED);
    check_changes(L, vat->out.body.size);
    outside_begin();
    buf_clear(&vat->scratch);
    for (size_t i = 0; i < vat->out.slot_count; i++)
        buf_number(&vat->scratch, vat->out.slots[i].vref.word);
    store_set(vat->durable, key_view(key), buf_view(&vat->out.body), buf_view(&vat->scratch));
    outside_end();
}

/* What vat code sees */

static int
l_store_index(lua_State *L)
{
    struct key key;
    enum change_space space = check_face(L, 1);
    get_key(L, &key, space, 2);
    struct entry_value value = store_get(store_of(L, space), key_view(&key));
    if (!value.present)
        return 0;
    push_value(L, space, &value);
    return 1;
}

static int
l_store_newindex(lua_State *L)
{
    struct key key;
    enum change_space space = check_face(L, 1);
    lua_settop(L, 3);
    get_key(L, &key, space, 2);
    if (lua_isnil(L, 3)) {
        check_changes(L, 0);
        outside_begin();
        store_delete(store_of(L, space), key_view(&key));
        outside_end();
    } else if (space == SPACE_VATSTORE) {
        put_string(L, &key);
    } else {
        put_value(L, &key);
    }
    return 0;
}

/* Pushes the key and value that follow the key at index, or come first when it is nil; and begin
   with the prefix. */
static int
push_next(lua_State *L, enum change_space space, int index, const struct key *prefix)
{
    struct key after;
    struct bytes found;
    struct entry_value value;
    const struct store *store = store_of(L, space);
    bool any;
    if (lua_isnoneornil(L, index)) {
        any = store_seek(store, key_view(prefix), &found, &value);
    } else {
        get_key(L, &after, space, index);
        struct bytes view = key_view(&after);
        any = store_next(store, &view, &found, &value);
    }
    if (!any || found.size < prefix->size || memcmp(found.data, prefix->data, prefix->size) != 0) {
        lua_pushnil(L);
        return 1;
    }
    /* The baggage shares its space with what else is durable. */
    if (space == SPACE_DURABLE && found.data[0] != 'i' && found.data[0] != 's') {
        lua_pushnil(L);
        return 1;
    }
    push_key(L, space, found);
    push_value(L, space, &value);
    return 2;
}

static int
l_store_next(lua_State *L)
{
    struct key all = {.size = 0};
    enum change_space space = check_face(L, 1);
    lua_settop(L, 2);
    return push_next(L, space, 2, &all);
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
    struct key prefix;
    enum change_space space = check_face(L, 1);
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    set_string_key(L, &prefix, space, 3);
    return push_next(L, space, 2, &prefix);
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

static const luaL_Reg store_type[] = {
    {"__index", l_store_index},
    {"__newindex", l_store_newindex},
    {"__pairs", l_store_pairs},
    {NULL, NULL},
};

void
lstore_push(lua_State *L, enum change_space space)
{
    struct face *face = lua_newuserdatauv(L, sizeof *face, 0);
    *face = (struct face){NOUN_STORE, space};
    luaL_setmetatable(L, type_names[space]);
}

void
lstore_open(lua_State *L)
{
    sandbox_type(L, type_names[SPACE_VATSTORE], store_type);
    sandbox_type(L, type_names[SPACE_DURABLE], store_type);
}
