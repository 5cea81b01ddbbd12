/* Instances of kinds: their state as rows, and the two values that stand for one in the heap. */
#include "vat/durable/kind.h"

#include <string.h>

#include "base/cbor.h"
#include "base/read.h"
#include "value/errorvalue.h"

#define FIELDS_MAX 1000

static struct remotable *
push_object(lua_State *L, int kind, uint64_t word, bool inner)
{
    const struct kind *of = noun_at(L, kind, NOUN_KIND);
    struct bytes interface = {(const uint8_t *)of->name, of->name_size};
    struct remotable *object =
        remotable_push(L, NOUN_REMOTABLE, interface, inner ? "self" : "instance", REMOTABLE_OTHER);
    object->word = word;
    object->inner = inner;
    lua_getiuservalue(L, kind, KIND_METHODS);
    lua_setiuservalue(L, -2, REMOTABLE_METHODS);
    return object;
}

struct remotable *
instance_push(lua_State *L, int kind, uint64_t word)
{
    struct remotable *object = push_object(L, kind, word, false);
    words_put(L, word, -1);
    return object;
}

void
instance_push_self(lua_State *L, int kind, int index)
{
    const struct remotable *object = lua_touserdata(L, index);
    if (lua_getiuservalue(L, index, REMOTABLE_OTHER) != LUA_TNIL)
        return;
    push_object(L, kind, object->word, true);
    lua_pushvalue(L, index);
    lua_setiuservalue(L, -2, REMOTABLE_OTHER);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, REMOTABLE_OTHER);
    lua_replace(L, -2);
}

static struct durable_key
state_key(uint64_t word)
{
    struct durable_key key;
    key_open(&key, "to");
    key_add_number(&key, word);
    return key;
}

bool
instance_push_stored(lua_State *L, uint64_t word)
{
    struct vref vref = {word};
    int top = lua_gettop(L);
    if (vref_kind(vref) != REF_DURABLE)
        return false;
    struct durable_key key = state_key(word);
    outside_begin();
    bool present = store_get(vat_of(L)->durable, key_view(&key)).present;
    outside_end();
    registry_get(L, liveslots_of(L)->kinds, (lua_Integer)(vref_number(vref) >> INSTANCE_BITS));
    if (!present || noun_at(L, -1, NOUN_KIND) == NULL) {
        lua_settop(L, top);
        return false;
    }
    struct remotable *object = instance_push(L, top + 1, word);
    enum export export = durable_export(vat_of(L), word);
    object->known = export != EXPORT_NONE;
    object->pinned = export == EXPORT_REACHABLE;
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
    return true;
}

void
instance_delete(lua_State *L, uint64_t word)
{
    struct vat *vat = vat_of(L);
    struct durable_key state = state_key(word);
    struct durable_key unheld;
    key_open(&unheld, "tu");
    key_add_number(&unheld, word);
    durable_set_export(L, word, EXPORT_NONE);
    durable_remove(L, &state);
    outside_begin();
    store_delete(vat->durable, key_view(&unheld));
    outside_end();
}

/* State: see durable.h. Where a field is in it, or belongs. */
struct place {
    uint64_t count;            /* of fields */
    struct bytes fields;       /* behind the list's head */
    size_t begin, end;         /* of the field in them; end == begin when there is none */
    size_t slots, slots_count; /* its slots in the row's: where, and how many bytes */
    struct bytes value;
};

static size_t
skip_numbers(struct bytes slots, size_t at, uint64_t count)
{
    struct reader reader = reader_of((struct bytes){slots.data + at, slots.size - at});
    for (uint64_t i = 0; i < count && !reader.bad; i++)
        read_number(&reader);
    return slots.size - (size_t)(reader.end - reader.at);
}

static struct place
find_field(const struct entry_value *state, struct bytes name)
{
    struct reader reader = reader_of(state->body);
    struct place place = {.count = cbor_next(&reader).count / 3};
    place.fields = (struct bytes){reader.at, (size_t)(reader.end - reader.at)};
    for (uint64_t i = 0; i < place.count && !reader.bad; i++) {
        size_t begin = (size_t)(reader.at - place.fields.data);
        int order = bytes_compare(cbor_next(&reader).string, name);
        if (order > 0)
            break;
        struct bytes value = cbor_next(&reader).string;
        uint64_t slots = (uint64_t)cbor_next(&reader).integer;
        place.begin = order == 0 ? begin : (size_t)(reader.at - place.fields.data);
        place.end = (size_t)(reader.at - place.fields.data);
        size_t behind = slots == 0 ? place.slots : skip_numbers(state->slots, place.slots, slots);
        if (order == 0) {
            place.value = value;
            place.slots_count = behind - place.slots;
            break;
        }
        place.slots = behind;
    }
    return place;
}

static void
buf_part(struct buf *buf, struct bytes bytes, size_t begin, size_t end)
{
    if (end > begin)
        buf_append(buf, bytes.data + begin, end - begin);
}

/* Writes the state with the value that durable_encode left, or without the field. */
static void
replace_field(struct vat *vat, const struct entry_value *old, struct bytes name, bool has_value,
    struct buf *state, struct buf *slots)
{
    struct place place = find_field(old, name);
    uint64_t count = place.count - (place.end > place.begin) + has_value;
    buf_clear(state);
    buf_clear(slots);
    cbor_head(state, CBOR_ARRAY, count * 3);
    buf_part(state, place.fields, 0, place.begin);
    buf_part(slots, old->slots, 0, place.slots);
    if (has_value) {
        struct bytes body = buf_view(&vat->run.out.body);
        cbor_string(state, name);
        cbor_head(state, CBOR_BYTES, body.size);
        buf_append(state, body.data, body.size);
        cbor_head(state, CBOR_UNSIGNED, vat->run.out.slots.count);
        buf_part(slots, buf_view(&vat->scratch.slots), 0, vat->scratch.slots.size);
    }
    buf_part(state, place.fields, place.end, place.fields.size);
    buf_part(slots, old->slots, place.slots + place.slots_count, old->slots.size);
}

static void
swap(struct buf *one, struct buf *other)
{
    struct buf kept = *one;
    *one = *other;
    *other = kept;
}

/* The name of a field that may be written; methods is the stack index of the methods' table. */
static struct bytes
check_field(lua_State *L, const char *interface, int index, int methods)
{
    struct bytes name;
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "%s: a state field's name must be a string, got %s", interface,
            luaL_typename(L, index));
    name.data = (const uint8_t *)lua_tolstring(L, index, &name.size);
    if (name.size > DURABLE_NAME_MAX)
        luaL_error(
            L, "%s: a state field's name has more than %d bytes", interface, DURABLE_NAME_MAX);
    lua_pushvalue(L, index);
    if (lua_rawget(L, methods) != LUA_TNIL)
        luaL_error(L, "%s.%s is a method, so a state field cannot have this name", interface,
            (const char *)name.data);
    lua_pop(L, 1);
    return name;
}

/* self */

static int
l_self_index(lua_State *L)
{
    const struct remotable *self = noun_at(L, 1, NOUN_REMOTABLE);
    if (self == NULL || !self->inner)
        return luaL_typeerror(L, 1, "self");
    lua_getiuservalue(L, 1, REMOTABLE_METHODS);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL)
        return 1;
    if (lua_type(L, 2) != LUA_TSTRING)
        return 0;
    struct bytes name;
    name.data = (const uint8_t *)lua_tolstring(L, 2, &name.size);
    struct durable_key key = state_key(self->word);
    durable_trim(L);
    outside_begin();
    struct entry_value state = store_get(vat_of(L)->durable, key_view(&key));
    struct place place = find_field(&state, name);
    outside_end();
    limit_charge_bytes(L, place.end);
    if (place.end == place.begin)
        return 0;
    return durable_push(
        L, place.value, (struct bytes){state.slots.data + place.slots, place.slots_count});
}

/* The state in the making is one stored value. */
static void
check_size(lua_State *L, const char *interface)
{
    if (vat_of(L)->scratch.states[0].size <= MARSHAL_SIZE_MAX)
        return;
    errorvalue_push(
        L, "LimitExceeded", "%s: a state of more than 16 MiB, the limit of a value", interface);
    lua_error(L);
}

static int
l_self_newindex(lua_State *L)
{
    struct vat *vat = vat_of(L);
    const struct remotable *self = noun_at(L, 1, NOUN_REMOTABLE);
    if (self == NULL || !self->inner)
        return luaL_typeerror(L, 1, "self");
    lua_settop(L, 3);
    const char *interface = remotable_push_interface(L, self);
    lua_getiuservalue(L, 1, REMOTABLE_METHODS);
    struct bytes name = check_field(L, interface, 2, 5);
    bool has_value = !lua_isnil(L, 3);
    if (has_value)
        durable_encode(
            L, 3, 1, lua_pushfstring(L, "%s.%s", interface, (const char *)name.data), false);
    durable_check(L, has_value ? vat->run.out.body.size : 0);
    struct durable_key key = state_key(self->word);
    durable_trim(L);
    outside_begin();
    struct entry_value old = store_get(vat->durable, key_view(&key));
    replace_field(
        vat, &old, name, has_value, &vat->scratch.states[0], &vat->scratch.state_slots[0]);
    outside_end();
    check_size(L, interface);
    durable_set(L, &key, buf_view(&vat->scratch.states[0]), buf_view(&vat->scratch.state_slots[0]));
    return 0;
}

/* Instances as others see them */

static int
l_instance_index(lua_State *L)
{
    const struct remotable *object = noun_at(L, 1, NOUN_REMOTABLE);
    if (object == NULL)
        return luaL_typeerror(L, 1, "instance");
    remotable_push_method(L, 1, 2);
    if (!lua_isnil(L, -1))
        return 1;
    return luaL_error(L,
        "%s has no method %s; its state is seen by its own methods alone, as self.%s",
        remotable_push_interface(L, object), luaL_tolstring(L, 2, NULL),
        luaL_tolstring(L, 2, NULL));
}

static int
l_instance_newindex(lua_State *L)
{
    const struct remotable *object = noun_at(L, 1, NOUN_REMOTABLE);
    if (object == NULL)
        return luaL_typeerror(L, 1, "instance");
    return luaL_error(L, "%s cannot be changed from outside: its own methods write self.%s",
        remotable_push_interface(L, object), luaL_tolstring(L, 2, NULL));
}

static int
l_instance_tostring(lua_State *L)
{
    const struct remotable *object = noun_at(L, 1, NOUN_REMOTABLE);
    if (object == NULL)
        return luaL_typeerror(L, 1, "instance");
    lua_pushfstring(L, "<%s>", remotable_push_interface(L, object));
    return 1;
}

static int
l_instance_eq(lua_State *L)
{
    const struct remotable *one = noun_at(L, 1, NOUN_REMOTABLE);
    const struct remotable *other = noun_at(L, 2, NOUN_REMOTABLE);
    lua_pushboolean(L, one != NULL && other != NULL && one->word != 0 && one->word == other->word);
    return 1;
}

void
instance_push_outer(lua_State *L, int index)
{
    lua_getiuservalue(L, index, REMOTABLE_OTHER);
}

/* Making */

void
instance_collect_state(lua_State *L, const struct kind *kind, int methods)
{
    struct vat *vat = vat_of(L);
    int count = 0;
    outside_begin();
    buf_clear(&vat->scratch.states[0]);
    buf_clear(&vat->scratch.state_slots[0]);
    cbor_head(&vat->scratch.states[0], CBOR_ARRAY, 0);
    outside_end();
    for (lua_pushnil(L); lua_next(L, 1); lua_settop(L, methods + 1)) {
        struct bytes name = check_field(L, kind->name, methods + 1, methods);
        durable_encode(L, methods + 2, 1,
            lua_pushfstring(L, "%s.%s", kind->name, (const char *)name.data), false);
        if (++count > FIELDS_MAX)
            luaL_error(L, "%s: more than %d state fields, the limit", kind->name, FIELDS_MAX);
        outside_begin();
        struct entry_value old = {
            true, buf_view(&vat->scratch.states[0]), buf_view(&vat->scratch.state_slots[0])};
        replace_field(vat, &old, name, true, &vat->scratch.states[1], &vat->scratch.state_slots[1]);
        swap(&vat->scratch.states[0], &vat->scratch.states[1]);
        swap(&vat->scratch.state_slots[0], &vat->scratch.state_slots[1]);
        outside_end();
        check_size(L, kind->name);
    }
    durable_check(L, vat->scratch.states[0].size);
}

void
instance_create(lua_State *L, uint64_t word)
{
    struct vat *vat = vat_of(L);
    struct durable_key key = state_key(word);
    struct durable_key unheld;
    durable_set(L, &key, buf_view(&vat->scratch.states[0]), buf_view(&vat->scratch.state_slots[0]));
    key_open(&unheld, "tu");
    key_add_number(&unheld, word);
    record_set(vat, &unheld, 0, 0);
}

static const luaL_Reg instance_type[] = {
    {"__index", l_instance_index},
    {"__newindex", l_instance_newindex},
    {"__eq", l_instance_eq},
    {"__tostring", l_instance_tostring},
    {NULL, NULL},
};

static const luaL_Reg self_type[] = {
    {"__index", l_self_index},
    {"__newindex", l_self_newindex},
    {"__eq", l_instance_eq},
    {"__tostring", l_instance_tostring},
    {NULL, NULL},
};

void
instance_open(lua_State *L)
{
    sandbox_type(L, "instance", instance_type);
    sandbox_type(L, "self", self_type);
}
