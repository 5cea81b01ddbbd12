/* Words and the values that stand for them. */
#include "value/unmarshal.h"
#include "vat/durable/durable.h"
#include "vat/live/liveslots.h"

static struct marshal_out *
out_of(lua_State *L)
{
    return &vat_of(L)->run.out;
}

void
slots_forget(lua_State *L, int index)
{
    struct live_promise *promise = live_promise_at(L, index);
    if (promise->word == 0)
        return;
    words_forget(L, promise->word);
    promise->word = 0;
    promise->known = false;
}

void
slots_name_promise(lua_State *L, int index)
{
    struct live_promise *promise = live_promise_at(L, index);
    if (promise->word != 0)
        return;
    promise->word = vref_export(REF_PROMISE, liveslots_of(L)->next_promise++).word;
    words_put(L, promise->word, index);
}

void
slots_push_result(lua_State *L, uint64_t word)
{
    struct live_promise *promise = live_promise_push(L);
    promise->word = word;
    promise->known = true;
    promise->handled = true; /* by whoever sent the message */
    words_put(L, word, -1);
}

/* For the kernel */

static const char PROXY_REFUSAL[] = "what E() gives cannot be passed; pass the object itself";

/* An instance that its own methods have as self leaves as what others see. The stack may hold it
   no more: self does. */
static struct remotable *
outer(lua_State *L, int index, struct remotable *object)
{
    if (!object->inner)
        return object;
    instance_push_outer(L, index);
    object = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return object;
}

static void
refer_object(lua_State *L, int index, struct remotable *object, struct marshal_ref *ref)
{
    struct liveslots *ls = liveslots_of(L);
    object = outer(L, index, object);
    if (object->word == 0) {
        object->word = vref_export(REF_OBJECT, ls->next_object++).word;
        words_put(L, object->word, index);
    }
    ref->word = object->word;
    ref->interface = remotable_interface(object);
    ref->news = !object->known;
    ls->fresh += ref->news || (object->noun == NOUN_REMOTABLE && !object->pinned);
}

static void
refer_promise(lua_State *L, int index, struct live_promise *promise, struct marshal_ref *ref)
{
    slots_name_promise(L, index);
    promise->handled = true; /* whoever gets it hears of a rejection */
    ref->word = promise->word;
    ref->promise = true;
    liveslots_of(L)->fresh += !promise->known;
}

static bool
refer(lua_State *L, void *context, int index, struct marshal_ref *ref)
{
    (void)context;
    enum noun *noun = lua_touserdata(L, index);
    switch (*noun) {
    case NOUN_PRESENCE:
        if (((struct remotable *)(void *)noun)->word == 0) {
            ref->refusal = "the object that this reference stood for is gone";
            return false;
        }
        refer_object(L, index, (struct remotable *)(void *)noun, ref);
        return true;
    case NOUN_REMOTABLE:
        refer_object(L, index, (struct remotable *)(void *)noun, ref);
        return true;
    case NOUN_PROMISE:
        refer_promise(L, index, (struct live_promise *)(void *)noun, ref);
        return true;
    case NOUN_PROXY:
        ref->refusal = PROXY_REFUSAL;
        return false;
    case NOUN_STORE:
        ref->refusal = lstore_refusal(noun);
        return false;
    default:
        return false;
    }
}

/* Pushes what a slot of a delivery stands for; a promise met for the first time is subscribed. */
static void
push(lua_State *L, void *context, uint64_t slot, bool is_promise, struct bytes interface)
{
    const struct capdata *value = context;
    if (slot >= value->slot_count)
        luaL_error(L, "a value names a slot that it has not");
    struct vref vref = value->slots[slot].vref;
    if (vref_is_promise(vref) != is_promise)
        luaL_error(L, "a value takes an object for a promise");
    if (words_push(L, vref.word) || instance_push_stored(L, vref.word))
        return;
    if (!vref_is_import(vref))
        luaL_error(L, "a value names an object that this vat has not");
    if (!is_promise) {
        remotable_push_presence(L, vref.word, interface);
        return;
    }
    struct live_promise *promise = live_promise_push(L);
    promise->word = vref.word;
    promise->known = true;
    promise->remote = true;
    promise->handled = true;
    words_put(L, vref.word, -1);
    outgoing_subscribe(L, vref.word);
}

static const struct marshal_ops kernel_ops = {
    refer, push, outside_begin, outside_end, limit_charge_bytes, NULL};

void
slots_encode(lua_State *L, int index, int count, const char *root, bool numbered)
{
    struct marshal_path path = {root, numbered};
    liveslots_of(L)->fresh = 0;
    marshal_encode(L, index, count, path, out_of(L), &kernel_ops, NULL);
}

int
slots_decode(lua_State *L, const struct capdata *value)
{
    return unmarshal_push(L, value->body, &kernel_ops, (void *)(uintptr_t)value);
}

struct capdata
slots_capdata(lua_State *L)
{
    const struct marshal_out *out = out_of(L);
    return (struct capdata){buf_view(&out->body), out->slots.items, out->slots.count};
}

void
slots_commit(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    const struct marshal_out *out = out_of(L);
    for (size_t i = 0; i < out->slots.count && ls->fresh > 0; i++) {
        if (!words_push(L, out->slots.items[i].vref.word))
            continue;
        struct live_promise *promise = live_promise_at(L, -1);
        if (promise == NULL) {
            struct remotable *object = lua_touserdata(L, -1);
            object->known = true;
            garbage_exported(L, object, lua_gettop(L));
        } else if (!promise->known) {
            promise->known = true;
            if (promise->state != LIVE_PENDING) {
                lua_rawgeti(L, LUA_REGISTRYINDEX, ls->exports);
                lua_pushvalue(L, -2);
                lua_rawseti(L, -2, ++ls->export_count);
                lua_pop(L, 1);
            }
        }
        lua_pop(L, 1);
    }
    ls->fresh = 0;
}

/* Protection */

/* Values that only their size could keep from being passed. */
static bool
is_plain(lua_State *L, int index, int count)
{
    if (count > 200)
        return false;
    for (int i = index; i < index + count; i++) {
        int type = lua_type(L, i);
        if (type == LUA_TSTRING ? lua_rawlen(L, i) > 4096 : type > LUA_TNUMBER)
            return false;
    }
    return true;
}

static int
p_encode(lua_State *L)
{
    const struct encoding *encoding = &liveslots_of(L)->encoding;
    slots_encode(L, 1, lua_gettop(L), encoding->root, encoding->numbered);
    return 0;
}

static int
p_copy(lua_State *L)
{
    const struct encoding *encoding = &liveslots_of(L)->encoding;
    slots_copy(L, 1, lua_gettop(L), encoding->root, encoding->numbered);
    return lua_gettop(L);
}

/* Calls the function with copies of the values; false: the reason why it raised is on top. */
static bool
protect(lua_State *L, lua_CFunction function, int index, int count, struct encoding encoding)
{
    liveslots_of(L)->encoding = encoding;
    luaL_checkstack(L, count + 8, NULL);
    lua_pushcfunction(L, function);
    for (int i = index; i < index + count; i++)
        lua_pushvalue(L, i);
    if (lua_pcall(L, count, LUA_MULTRET, 0) == LUA_OK)
        return true;
    fault_make_reason(L);
    return false;
}

bool
slots_try_encode(lua_State *L, int index, int count, const char *root, bool numbered)
{
    if (is_plain(L, index, count)) {
        slots_encode(L, index, count, root, numbered);
        return true;
    }
    if (protect(L, p_encode, index, count, (struct encoding){root, numbered}))
        return true;
    slots_encode(L, lua_gettop(L), 1, "reason", false);
    lua_pop(L, 1);
    return false;
}

/* Within the vat: references stay the values that they are. */

struct copying {
    int values; /* stack index of a table: address -> userdata */
    const struct marshal_out *out;
};

static bool
refer_copying(lua_State *L, void *context, int index, struct marshal_ref *ref)
{
    const struct copying *copying = context;
    const enum noun *noun = lua_touserdata(L, index);
    if (*noun == NOUN_PROXY)
        ref->refusal = PROXY_REFUSAL;
    if (*noun == NOUN_STORE)
        ref->refusal = lstore_refusal(noun);
    if (*noun != NOUN_PRESENCE && *noun != NOUN_REMOTABLE && *noun != NOUN_PROMISE)
        return false;
    ref->word = (uint64_t)(uintptr_t)noun;
    ref->promise = *noun == NOUN_PROMISE;
    if (*noun == NOUN_REMOTABLE && ((const struct remotable *)(const void *)noun)->inner)
        instance_push_outer(L, index);
    else
        lua_pushvalue(L, index);
    ref->word = (uint64_t)(uintptr_t)lua_touserdata(L, -1);
    lua_rawseti(L, copying->values, (lua_Integer)ref->word);
    return true;
}

static void
push_copying(lua_State *L, void *context, uint64_t slot, bool is_promise, struct bytes interface)
{
    (void)is_promise;
    (void)interface;
    const struct copying *copying = context;
    lua_rawgeti(L, copying->values, (lua_Integer)copying->out->slots.items[slot].vref.word);
}

static const struct marshal_ops copying_ops = {
    refer_copying, push_copying, outside_begin, outside_end, limit_charge_bytes, NULL};

void
slots_copy(lua_State *L, int index, int count, const char *root, bool numbered)
{
    if (is_plain(L, index, count))
        return;
    struct marshal_out *out = out_of(L);
    lua_newtable(L);
    struct copying copying = {lua_gettop(L), out};
    struct marshal_path path = {root, numbered};
    marshal_encode(L, index, count, path, out, &copying_ops, &copying);
    unmarshal_push(L, buf_view(&out->body), &copying_ops, &copying);
    for (int i = count - 1; i >= 0; i--)
        lua_replace(L, index + i);
    lua_pop(L, 1);
}

bool
slots_try_copy(lua_State *L, int index, int count, const char *root, bool numbered)
{
    if (is_plain(L, index, count))
        return true;
    if (!protect(L, p_copy, index, count, (struct encoding){root, numbered}))
        return false;
    for (int i = count - 1; i >= 0; i--)
        lua_replace(L, index + i);
    return true;
}

/* Resolving: one syscall settles all that must be settled together. */

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
    batch->list[batch->count++] =
        (struct settlement){.promise = {word}, .state = state, .value = value};
    outside_end();
}

/* Encodes how the promise settled, and says as what. */
static enum settle_state
encode_outcome(lua_State *L, int index)
{
    const struct live_promise *promise = live_promise_at(L, index);
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
    lua_rawgeti(L, LUA_REGISTRYINDEX, ls->exports);
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
        slots_forget(L, lua_gettop(L));
        lua_pop(L, 1);
        lua_pushnil(L);
        lua_rawseti(L, exports, i);
    }
    ls->export_count = 0;
    lua_pop(L, 1);
}

/* Records the body in the buffer as this promise's way, with all that its value brings along. */
static void
resolve_encoded(lua_State *L, uint64_t word, enum settle_state state)
{
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
slots_resolve(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    enum settle_state state = encode_outcome(L, index);
    resolve_encoded(L, live_promise_at(L, index)->word, state);
    slots_forget(L, index);
}

void
slots_resolve_exports(lua_State *L)
{
    struct batch batch = {0};
    if (liveslots_of(L)->export_count > 0)
        batch_record(L, &batch);
}

void
slots_resolve_word(lua_State *L, uint64_t word, enum live_state state, int count)
{
    bool rejected = state == LIVE_REJECTED;
    int first = lua_gettop(L) - count + 1;
    bool passed = slots_try_encode(L, first, count, rejected ? "reason" : "result", count != 1);
    resolve_encoded(L, word, rejected || !passed ? SETTLE_REJECTED : SETTLE_FULFILLED);
    lua_pop(L, count);
}
