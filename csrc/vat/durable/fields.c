#include "vat/durable/fields.h"

#include "base/cbor.h"
#include "base/read.h"
#include "value/errorvalue.h"
#include "vat/durable/key.h"
#include "vat/internal.h"

#include <assert.h>

static size_t
skip_numbers(struct bytes slots, size_t at, uint64_t count)
{
    struct reader reader = reader_of((struct bytes){slots.data + at, slots.size - at});
    for (uint64_t i = 0; i < count && !reader.bad; i++)
        read_number(&reader);
    return slots.size - (size_t)(reader.end - reader.at);
}

struct field
fields_find(const struct entry_value *state, struct bytes name)
{
    struct reader reader = reader_of(state->body);
    struct field place = {.count = cbor_next(&reader).count / 3};
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

void
fields_replace(struct vat *vat, const struct entry_value *old, struct bytes name, bool has_value,
    struct buf *state, struct buf *slots)
{
    struct field place = fields_find(old, name);
    uint64_t count = place.count - (place.end > place.begin) + has_value;
    assert(old->body.size == 0 || state->data != old->body.data);
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

struct bytes
fields_check_name(lua_State *L, const char *interface, int index, int methods)
{
    struct bytes name;
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "%s: a state field's name must be a string, got %s", interface,
            luaL_typename(L, index));
    name.data = (const uint8_t *)lua_tolstring(L, index, &name.size);
    if (name.size > KEY_NAME_MAX)
        luaL_error(L, "%s: a state field's name has more than %d bytes", interface, KEY_NAME_MAX);
    lua_pushvalue(L, index);
    if (lua_rawget(L, methods) != LUA_TNIL)
        luaL_error(L, "%s.%s is a method, so a state field cannot have this name", interface,
            (const char *)name.data);
    lua_pop(L, 1);
    return name;
}

void
fields_check_size(lua_State *L, const char *interface)
{
    if (vat_of(L)->scratch.states[0].size <= MARSHAL_SIZE_MAX)
        return;
    errorvalue_push(
        L, "LimitExceeded", "%s: a state of more than 16 MiB, the limit of a value", interface);
    lua_error(L);
}
