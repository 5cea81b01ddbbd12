#include "vat/durable/instance.h"

#include "base/cbor.h"
#include "vat/durable/durable.h"
#include "vat/durable/fields.h"
#include "vat/durable/record.h"
#include "vat/durable/store.h"
#include "vat/internal.h"
#include "vat/machine/outside.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/registry.h"
#include "vat/noun/words.h"

#include <assert.h>

#define FIELDS_MAX 1000

static struct remotable *
push_object(lua_State *L, int kind, uint64_t word, bool inner)
{
    const struct kind *of = noun_at(L, kind, NOUN_KIND);
    assert(of->number == vref_number((struct vref){word}) >> KIND_INSTANCE_BITS);
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
    const struct remotable *object = noun_at(L, index, NOUN_REMOTABLE);
    assert(remotable_is_durable(object) && !object->inner);
    if (lua_getiuservalue(L, index, REMOTABLE_OTHER) != LUA_TNIL)
        return;
    push_object(L, kind, object->word, true);
    lua_pushvalue(L, index);
    lua_setiuservalue(L, -2, REMOTABLE_OTHER);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, REMOTABLE_OTHER);
    lua_replace(L, -2);
}

bool
instance_push_stored(lua_State *L, uint64_t word)
{
    struct vref vref = {word};
    int top = lua_gettop(L);
    if (vref_kind(vref) != REF_DURABLE)
        return false;
    struct durable_key key = key_of(KEY_STATE, word);
    outside_begin();
    bool present = store_get(vat_of(L)->durable, key_view(&key)).present;
    outside_end();
    registry_get(L, liveslots_of(L)->kinds, (lua_Integer)(vref_number(vref) >> KIND_INSTANCE_BITS));
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
    struct durable_key state = key_of(KEY_STATE, word);
    struct durable_key unheld = key_of(KEY_UNHELD, word);
    durable_set_export(L, word, EXPORT_NONE);
    durable_remove(L, &state);
    record_delete(vat, &unheld);
}

void
instance_push_outer(lua_State *L, int index)
{
    assert(((const struct remotable *)noun_at(L, index, NOUN_REMOTABLE))->inner);
    lua_getiuservalue(L, index, REMOTABLE_OTHER);
}

/* Making */

static void
swap(struct buf *one, struct buf *other)
{
    struct buf kept = *one;
    *one = *other;
    *other = kept;
}

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
        struct bytes name = fields_check_name(L, kind->name, methods + 1, methods);
        durable_encode(L, methods + 2, 1,
            lua_pushfstring(L, "%s.%s", kind->name, (const char *)name.data), false);
        if (++count > FIELDS_MAX)
            luaL_error(L, "%s: more than %d state fields, the limit", kind->name, FIELDS_MAX);
        outside_begin();
        struct entry_value old = {
            true, buf_view(&vat->scratch.states[0]), buf_view(&vat->scratch.state_slots[0])};
        fields_replace(
            vat, &old, name, true, &vat->scratch.states[1], &vat->scratch.state_slots[1]);
        swap(&vat->scratch.states[0], &vat->scratch.states[1]);
        swap(&vat->scratch.state_slots[0], &vat->scratch.state_slots[1]);
        outside_end();
        fields_check_size(L, kind->name);
    }
    durable_check(L, vat->scratch.states[0].size);
}

void
instance_create(lua_State *L, uint64_t word)
{
    struct vat *vat = vat_of(L);
    struct durable_key key = key_of(KEY_STATE, word);
    struct durable_key unheld = key_of(KEY_UNHELD, word);
    durable_set(L, &key, buf_view(&vat->scratch.states[0]), buf_view(&vat->scratch.state_slots[0]));
    record_set(vat, &unheld, 0, 0);
}
