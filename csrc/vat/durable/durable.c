#include "vat/durable/durable.h"

#include "base/read.h"
#include "value/errorvalue.h"
#include "value/unmarshal.h"
#include "vat/durable/instance.h"
#include "vat/durable/ldurable.h"
#include "vat/durable/record.h"
#include "vat/durable/store.h"
#include "vat/internal.h"
#include "vat/machine/limit.h"
#include "vat/machine/outside.h"
#include "vat/noun/remotable.h"
#include "vat/noun/words.h"

#include <assert.h>

#define CHANGES_MAX 1000000            /* keys changed in one delivery */
#define STORED_MAX ((size_t)256 << 20) /* bytes changed in one, which no heap's limit sees */

static bool
is_counted(struct vref vref)
{
    return !vref_is_promise(vref) && !vref_equal(vref, VREF_ROOT);
}

static void
set_unheld(struct vat *vat, uint64_t word, bool unheld)
{
    struct durable_key key = key_of(KEY_UNHELD, word);
    if (!unheld) {
        record_delete(vat, &key);
        return;
    }
    record_set(vat, &key, 0, 0);
    outside_begin();
    if (vat->scratch.seeks_dead)
        buf_append(&vat->scratch.unheld, &word, sizeof word);
    outside_end();
}

static void
set_references(lua_State *L, uint64_t word, uint64_t count, enum export export)
{
    struct vat *vat = vat_of(L);
    struct durable_key key = key_of(DURABLE_NAMED, word);
    assert(is_counted((struct vref){word}));
    if (count == 0 && export == EXPORT_NONE)
        record_delete(vat, &key);
    else
        record_set(vat, &key, count, export);
    if (vref_kind((struct vref){word}) == REF_DURABLE)
        set_unheld(vat, word, count == 0 && export != EXPORT_REACHABLE);
    else if (count == 0)
        words_import(L, word);
}

static struct record
references(struct vat *vat, uint64_t word)
{
    struct durable_key key = key_of(DURABLE_NAMED, word);
    return record_get(vat, &key);
}

static void
count_slots(lua_State *L, struct bytes slots, bool more)
{
    struct reader reader = reader_of(slots);
    while (read_more(&reader)) {
        struct vref vref = {read_number(&reader)};
        if (!is_counted(vref))
            continue;
        struct record record = references(vat_of(L), vref.word);
        if (more)
            record.first++;
        else if (record.first > 0)
            record.first--;
        set_references(L, vref.word, record.first, (enum export)record.second);
    }
}

bool
durable_is_named(struct vat *vat, uint64_t word)
{
    return references(vat, word).first > 0;
}

enum export durable_export(struct vat *vat, uint64_t word)
{
    return (enum export)references(vat, word).second;
}

void
durable_set_export(lua_State *L, uint64_t word, enum export export)
{
    assert(export == EXPORT_NONE || vref_kind((struct vref){word}) == REF_DURABLE);
    struct record record = references(vat_of(L), word);
    if (record.second != export)
        set_references(L, word, record.first, export);
}

/* Values */

static bool
refer_stored(lua_State *L, void *context, int index, struct marshal_ref *ref)
{
    (void)L;
    (void)context;
    const struct remotable *object = lua_touserdata(L, index);
    if (object->noun == NOUN_PROMISE)
        ref->refusal = "a promise cannot be stored; await it first";
    else if (object->noun == NOUN_STORE)
        ref->refusal = lstore_refusal(&object->noun);
    else if (object->noun == NOUN_PRESENCE && object->word == 0)
        ref->refusal = "the object that this reference stood for is gone";
    else if (object->noun == NOUN_REMOTABLE && object->word != VREF_ROOT.word &&
             !remotable_is_durable(object))
        ref->refusal = "an object made by Far ends with this incarnation, so it cannot be stored; "
                       "the root and durable objects can";
    if (ref->refusal != NULL || (object->noun != NOUN_PRESENCE && object->noun != NOUN_REMOTABLE))
        return false;
    ref->word = object->word;
    ref->interface = remotable_interface(object);
    return true;
}

void
durable_push_reference(lua_State *L, uint64_t word, struct bytes interface)
{
    struct vref vref = {word};
    if (words_push(L, word))
        return;
    if (vref_equal(vref, VREF_ROOT))
        luaL_error(L, "the root cannot be read before the build function has returned it");
    if (vref_is_import(vref))
        remotable_push_presence(L, word, interface);
    else if (!instance_push_stored(L, word))
        luaL_error(L, "a stored object is unknown");
}

/* The words of a stored value's slots, as they are read. */
struct stored_words {
    const uint64_t *list;
    size_t count;
};

static void
push_stored(lua_State *L, void *context, uint64_t slot, bool is_promise, struct bytes interface)
{
    const struct stored_words *words = context;
    if (slot >= words->count || is_promise)
        luaL_error(L, "a stored value is malformed");
    durable_push_reference(L, words->list[slot], interface);
}

static const struct marshal_ops stored_ops = {refer_stored, push_stored, outside_begin, outside_end,
    limit_charge_bytes, "a function cannot be stored; keep data, or an instance of a vat.kind"};

int
durable_push(lua_State *L, struct bytes body, struct bytes slots)
{
    limit_charge_bytes(L, body.size);
    struct stored_words words = {NULL, 0};
    if (slots.size == 0)
        return unmarshal_push(L, body, &stored_ops, &words);
    uint64_t *list = lua_newuserdatauv(L, slots.size * sizeof *list, 0);
    int top = lua_gettop(L);
    struct reader reader = reader_of(slots);
    while (read_more(&reader))
        list[words.count++] = read_number(&reader);
    words.list = list;
    int count = unmarshal_push(L, body, &stored_ops, &words);
    lua_remove(L, top);
    return count;
}

void
durable_encode(lua_State *L, int index, int count, const char *root, bool numbered)
{
    struct vat *vat = vat_of(L);
    struct marshal_path path = {root, numbered};
    marshal_encode(L, index, count, path, &vat->run.out, &stored_ops, NULL);
    outside_begin();
    buf_clear(&vat->scratch.slots);
    for (size_t i = 0; i < vat->run.out.slots.count; i++)
        buf_number(&vat->scratch.slots, vat->run.out.slots.items[i].vref.word);
    outside_end();
}

void
durable_check(lua_State *L, size_t size)
{
    struct vat *vat = vat_of(L);
    size_t changes = store_change_count(vat->vatstore) + store_change_count(vat->durable);
    if (changes >= CHANGES_MAX) {
        errorvalue_push(
            L, "LimitExceeded", "more than 1000000 keys changed in one delivery, the limit");
        lua_error(L);
    }
    vat->scratch.stored_size += size;
    if (vat->scratch.stored_size + store_change_size(vat->vatstore) +
            store_change_size(vat->durable) >
        STORED_MAX)
        limit_fault(VAT_FAULT_MEMORY);
}

/* Counts what the row will name, and no more what it names now. */
static void
recount(lua_State *L, const struct durable_key *key, struct bytes slots)
{
    outside_begin();
    struct entry_value old = store_get(vat_of(L)->durable, key_view(key));
    outside_end();
    if (bytes_equal(old.slots, slots))
        return;
    count_slots(L, slots, true);
    count_slots(L, old.slots, false);
}

void
durable_set(lua_State *L, const struct durable_key *key, struct bytes body, struct bytes slots)
{
    struct vat *vat = vat_of(L);
    recount(L, key, slots);
    outside_begin();
    store_set(vat->durable, key_view(key), body, slots);
    outside_end();
}

void
durable_remove(lua_State *L, const struct durable_key *key)
{
    recount(L, key, (struct bytes){NULL, 0});
    outside_begin();
    store_delete(vat_of(L)->durable, key_view(key));
    outside_end();
}

void
durable_trim(lua_State *L)
{
    struct vat *vat = vat_of(L);
    if (!store_is_full(vat->durable) && !store_is_full(vat->vatstore))
        return;
    outside_begin();
    store_trim(vat->durable);
    store_trim(vat->vatstore);
    outside_end();
}
