#include "vat/live/watch.h"

#include "vat/durable/durable.h"
#include "vat/durable/record.h"
#include "vat/durable/store.h"
#include "vat/internal.h"
#include "vat/live/eventual.h"
#include "vat/live/live_promise.h"
#include "vat/live/outgoing.h"
#include "vat/live/reaction.h"
#include "vat/live/slots.h"
#include "vat/machine/outside.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/remotable.h"

#include <assert.h>

/* Exports of the promises that are still watched keep their words. */
void
watch_start(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    struct durable_key prefix;
    struct bytes key;
    struct entry_value value;
    struct store *durable = vat_of(L)->durable;
    key_open(&prefix, DURABLE_WATCHES);
    bool any = store_seek(durable, key_view(&prefix), &key, &value);
    while (any && key_has_prefix(key, &prefix)) {
        struct vref vref = {key_number(key, 2)};
        ls->watches++;
        if (!vref_is_import(vref) && vref_number(vref) >= ls->next_promise)
            ls->next_promise = vref_number(vref) + 1;
        struct bytes after = key;
        durable_trim(L);
        any = store_next(durable, &after, &key, &value);
    }
}

/* Pushes the message: ok or not, the outcome, the extra arguments. count: of what the body has, the
   extra arguments, the target and the method, from first on. */
static void
push_send(lua_State *L, int first, int count, bool fulfilled, int outcome)
{
    struct reaction *reaction = reaction_push(L, REACTION_SEND);
    reaction->count = count;
    reaction->outcome = true;
    reaction_set(L, REACTION_METHOD, first + count - 1);
    lua_createtable(L, count, 0);
    lua_pushboolean(L, fulfilled);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, outcome);
    lua_rawseti(L, -2, 2);
    for (int i = 0; i < count - 2; i++) {
        lua_pushvalue(L, first + i);
        lua_rawseti(L, -2, i + 3);
    }
    lua_setiuservalue(L, -2, REACTION_ARGUMENTS);
}

/* Sends what the body says: extra arguments, the target, the method. promise: a stack index. */
static void
fire(lua_State *L, struct bytes body, struct bytes slots, int promise)
{
    int top = lua_gettop(L);
    bool fulfilled = live_promise_at(L, promise)->state == LIVE_FULFILLED;
    if (live_promise_push_values(L, promise) == 0)
        lua_pushnil(L);
    lua_settop(L, top + 1);
    if (!slots_try_copy(L, top + 1, 1, "value", false)) {
        lua_replace(L, top + 1);
        fulfilled = false;
    }
    int count = durable_push(L, body, slots);
    int first = top + 2;
    live_promise_push(L);
    lua_pushvalue(L, first + count - 2);
    live_promise_fulfil(L, first + count, 1);
    push_send(L, first, count, fulfilled, top + 1);
    live_promise_attach(L, first + count);
    lua_settop(L, top);
}

/* The next watch of this promise, copied onto the Lua stack: body, slots. False: there is none. */
static bool
push_first(lua_State *L, uint64_t word, struct durable_key *found)
{
    struct durable_key prefix = key_of(DURABLE_WATCHES, word);
    struct bytes key;
    struct entry_value value;
    outside_begin();
    bool any = store_seek(vat_of(L)->durable, key_view(&prefix), &key, &value) &&
               key_has_prefix(key, &prefix);
    outside_end();
    if (!any)
        return false;
    if (key.size != prefix.size + sizeof word)
        luaL_error(L, "a stored watch is malformed");
    found->size = 0;
    key_add(found, key);
    lua_pushlstring(L, (const char *)value.body.data, value.body.size);
    lua_pushlstring(L, (const char *)value.slots.data, value.slots.size);
    return true;
}

static struct bytes
bytes_at(lua_State *L, int index)
{
    struct bytes bytes;
    bytes.data = (const uint8_t *)lua_tolstring(L, index, &bytes.size);
    return bytes;
}

void
watch_settled(lua_State *L, int promise)
{
    struct liveslots *ls = liveslots_of(L);
    struct durable_key key;
    uint64_t word = live_promise_at(L, promise)->word;
    assert(live_promise_at(L, promise)->state != LIVE_PENDING);
    int top = lua_gettop(L);
    while (word != 0 && ls->watches > 0 && push_first(L, word, &key)) {
        live_promise_at(L, promise)->handled = true;
        fire(L, bytes_at(L, top + 1), bytes_at(L, top + 2), promise);
        durable_remove(L, &key);
        ls->watches--;
        lua_settop(L, top);
    }
}

/* The slots of a row, with the promise at the end. */
static struct bytes
add_promise(lua_State *L, struct bytes slots, uint64_t word)
{
    struct vat *vat = vat_of(L);
    outside_begin();
    struct buf *buf = &vat->scratch.state_slots[0];
    buf_clear(buf);
    buf_append(buf, slots.data, slots.size);
    buf_number(buf, word);
    outside_end();
    return buf_view(buf);
}

static void
put(lua_State *L, uint64_t word, struct bytes body, struct bytes slots)
{
    struct durable_key counter;
    struct durable_key key = key_of(DURABLE_WATCHES, word);
    key_open(&counter, KEY_WATCH_COUNTER);
    key_add_number(&key, record_next(vat_of(L), &counter));
    durable_set(L, &key, body, add_promise(L, slots, word));
}

/* A slot's number is as long as its word needs. */
static struct bytes
without_promise(struct bytes slots, uint64_t word)
{
    uint8_t bytes[16];
    struct buf buf = {.data = bytes, .capacity = sizeof bytes};
    buf_number(&buf, word);
    return (struct bytes){slots.data, slots.size - buf.size};
}

void
watch_follows(lua_State *L, uint64_t word, uint64_t other)
{
    struct durable_key key;
    int top = lua_gettop(L);
    assert(word != other);
    while (word != 0 && liveslots_of(L)->watches > 0 && push_first(L, word, &key)) {
        put(L, other, bytes_at(L, top + 1), without_promise(bytes_at(L, top + 2), word));
        durable_remove(L, &key);
        lua_settop(L, top);
    }
}

/* Checks vat.watch's arguments, and brings them into the order in which they are stored, from 2. */
static int
check_watch(lua_State *L)
{
    static const char usage[] = "vat.watch(p, target, method, ...)";
    int count = lua_gettop(L) - 1;
    if (live_promise_at(L, 1) == NULL)
        luaL_error(L, "%s: p must be a promise, got %s", usage, luaL_typename(L, 1));
    if (remotable_at(L, 2) == NULL)
        luaL_error(L, "%s: target must be a presence, a durable object or the root, got %s", usage,
            luaL_typename(L, 2));
    if (lua_type(L, 3) != LUA_TSTRING)
        luaL_error(L, "%s: method must be a method's name, got %s", usage, luaL_typename(L, 3));
    eventual_check_name(L, 3);
    durable_encode(L, 2, 1, "target", false);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 3);
    lua_remove(L, 3);
    lua_remove(L, 2);
    luaL_checkstack(L, count + 16, NULL);
    durable_encode(L, 2, count - 2, "args", true); /* names the extra argument at fault */
    return count;
}

int
watch_add(lua_State *L)
{
    struct vat *vat = vat_of(L);
    int count = check_watch(L);
    live_promise_at(L, 1)->handled = true;
    struct live_promise *end = live_promise_push_end(L, 1);
    int promise = lua_gettop(L);
    durable_encode(L, 2, count, "args", true);
    durable_check(L, vat->run.out.body.size);
    if (end->state != LIVE_PENDING) {
        lua_pushlstring(L, (const char *)vat->run.out.body.data, vat->run.out.body.size);
        lua_pushlstring(L, (const char *)vat->scratch.slots.data, vat->scratch.slots.size);
        fire(L, bytes_at(L, promise + 1), bytes_at(L, promise + 2), promise);
        return 0;
    }
    end->handled = true;
    live_promise_name(L, promise);
    if (!end->remote)
        outgoing_subscribe(L, end->word);
    end->known = true;
    put(L, end->word, buf_view(&vat->run.out.body), buf_view(&vat->scratch.slots));
    liveslots_of(L)->watches++;
    return 0;
}
