#include "vat/live/slots.h"

#include "value/marshal_out.h"
#include "value/unmarshal.h"
#include "vat/durable/instance.h"
#include "vat/durable/ldurable.h"
#include "vat/internal.h"
#include "vat/live/fault.h"
#include "vat/live/garbage.h"
#include "vat/live/live_promise.h"
#include "vat/live/outgoing.h"
#include "vat/machine/limit.h"
#include "vat/machine/outside.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/registry.h"
#include "vat/noun/remotable.h"
#include "vat/noun/words.h"

#include <assert.h>

static struct marshal_out *
out_of(lua_State *L)
{
    return &vat_of(L)->run.out;
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
    object = remotable_at(L, -1);
    assert(object != NULL && !object->inner);
    lua_pop(L, 1);
    return object;
}

static void
refer_object(lua_State *L, int index, struct remotable *object, struct marshal_ref *ref)
{
    struct liveslots *ls = liveslots_of(L);
    object = outer(L, index, object);
    assert(remotable_is_sound(object));
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
    live_promise_name(L, index);
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
    live_promise_push_import(L, vref.word);
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
            struct remotable *object = remotable_at(L, -1);
            assert(!object->inner);
            object->known = true;
            garbage_exported(L, object, lua_gettop(L));
        } else if (!promise->known) {
            promise->known = true;
            if (promise->state != LIVE_PENDING) {
                registry_put(L, ls->exports, ++ls->export_count, lua_gettop(L));
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
