#include "vat/live/settled.h"

#include "vat/internal.h"
#include "vat/live/outgoing.h"
#include "vat/live/slots.h"
#include "vat/machine/outside.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/registry.h"

#include <assert.h>

/* One syscall settles all that must be settled together. It lies in the delivery's arena. */
struct batch {
    struct settlement *list;
    size_t count, capacity;
    size_t size; /* bytes of all values */
};

static void
batch_add(lua_State *L, struct batch *batch, uint64_t word, enum settle_state state)
{
    struct vat *vat = vat_of(L);
    struct capdata value = slots_capdata(L);
    batch->size += value.body.size + value.slot_count * sizeof *value.slots;
    outgoing_check(L, batch->size);
    outside_begin();
    if (batch->count == batch->capacity) {
        size_t capacity = batch->capacity == 0 ? 4 : batch->capacity * 2;
        struct settlement *list = arena_take(&vat->run.arena, capacity * sizeof *list);
        for (size_t i = 0; i < batch->count; i++)
            list[i] = batch->list[i];
        batch->list = list;
        batch->capacity = capacity;
    }
    value.body = arena_copy(&vat->run.arena, value.body);
    struct slot *slots = arena_take(&vat->run.arena, value.slot_count * sizeof *slots);
    for (size_t i = 0; i < value.slot_count; i++)
        slots[i] = value.slots[i];
    value.slots = slots;
    assert(batch->count < batch->capacity);
    batch->list[batch->count++] =
        (struct settlement){.promise = {word}, .state = state, .value = value};
    outside_end();
}

/* Encodes how the promise settled, and says as what. */
static enum settle_state
encode_outcome(lua_State *L, int index)
{
    const struct live_promise *promise = live_promise_at(L, index);
    assert(promise->state != LIVE_PENDING && promise->known);
    bool rejected = promise->state == LIVE_REJECTED;
    int count = live_promise_push_values(L, index);
    int first = lua_gettop(L) - count + 1;
    bool imported = vref_is_import((struct vref){promise->word});
    const char *root = rejected ? "reason" : imported ? "result" : "value";
    bool passed = slots_try_encode(L, first, count, root, count != 1);
    lua_pop(L, count);
    return rejected || !passed ? SETTLE_REJECTED : SETTLE_FULFILLED;
}

/* Adds the promises of the export list, which may grow meanwhile, and records all. */
static void
batch_record(lua_State *L, struct batch *batch)
{
    struct liveslots *ls = liveslots_of(L);
    registry_push(L, ls->exports);
    int exports = lua_gettop(L);
    for (int i = 1; i <= ls->export_count; i++) {
        lua_rawgeti(L, exports, i);
        uint64_t word = live_promise_at(L, -1)->word;
        enum settle_state state = encode_outcome(L, lua_gettop(L));
        batch_add(L, batch, word, state);
        slots_commit(L);
        lua_pop(L, 1);
    }
    outgoing_resolve(L, batch->list, batch->count);
    for (int i = ls->export_count; i >= 1; i--) {
        lua_rawgeti(L, exports, i);
        live_promise_forget(L, lua_gettop(L));
        lua_pop(L, 1);
        lua_pushnil(L);
        lua_rawseti(L, exports, i);
    }
    assert(registry_count(L, ls->exports) == 0);
    ls->export_count = 0;
    lua_pop(L, 1);
}

/* Records the body in the buffer as this promise's way, with all that its value brings along. */
static void
resolve_encoded(lua_State *L, uint64_t word, enum settle_state state)
{
    assert(word != 0);
    struct settlement settlement = {.promise = {word}, .state = state, .value = slots_capdata(L)};
    struct liveslots *ls = liveslots_of(L);
    if (ls->fresh == 0 && ls->export_count == 0) {
        outgoing_resolve(L, &settlement, 1);
        return;
    }
    struct batch batch = {0};
    batch_add(L, &batch, word, state);
    slots_commit(L);
    batch_record(L, &batch);
}

void
settled_tell(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    enum settle_state state = encode_outcome(L, index);
    resolve_encoded(L, live_promise_at(L, index)->word, state);
    live_promise_forget(L, index);
}

void
settled_tell_exports(lua_State *L)
{
    struct batch batch = {0};
    if (liveslots_of(L)->export_count > 0)
        batch_record(L, &batch);
}

void
settled_tell_word(lua_State *L, uint64_t word, enum live_state state, int count)
{
    assert(state != LIVE_PENDING);
    bool rejected = state == LIVE_REJECTED;
    int first = lua_gettop(L) - count + 1;
    bool passed = slots_try_encode(L, first, count, rejected ? "reason" : "result", count != 1);
    resolve_encoded(L, word, rejected || !passed ? SETTLE_REJECTED : SETTLE_FULFILLED);
    lua_pop(L, count);
}
