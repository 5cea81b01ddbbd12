#include "vat/live/dispatch.h"

#include "base/arena.h"
#include "vat/durable/instance.h"
#include "vat/durable/kind.h"
#include "vat/internal.h"
#include "vat/live/fault.h"
#include "vat/live/garbage.h"
#include "vat/live/job.h"
#include "vat/live/live_promise.h"
#include "vat/live/llive.h"
#include "vat/live/module.h"
#include "vat/live/sink.h"
#include "vat/live/slots.h"
#include "vat/live/turn.h"
#include "vat/live/watch.h"
#include "vat/machine/outside.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/remotable.h"
#include "vat/noun/words.h"

#include <assert.h>

/* Messages */

/* Pushes where the outcome goes: see sink.h. The vat now decides the result. */
static void
push_sink(lua_State *L, const struct delivery *delivery)
{
    uint64_t word = delivery->result.word;
    if (word == 0) {
        lua_pushnil(L);
        return;
    }
    if (words_push(L, word)) {
        struct live_promise *promise = live_promise_at(L, -1);
        if (promise == NULL || promise->state != LIVE_PENDING || !promise->remote)
            luaL_error(L, "a message's result is not to be decided by this vat");
        live_promise_take_over(promise);
        return;
    }
    for (size_t i = 0; i < delivery->value.slot_count; i++) {
        if (delivery->value.slots[i].vref.word == word) {
            live_promise_push_result(L, word);
            return;
        }
    }
    lua_pushinteger(L, (lua_Integer)word);
}

static void
deliver_message(lua_State *L, const struct delivery *delivery)
{
    const int target = 1, name = 2, method = 3, sink = 4;
    uint64_t word = delivery->target.word;
    if ((!words_push(L, word) && !instance_push_stored(L, word)) ||
        noun_at(L, target, NOUN_REMOTABLE) == NULL)
        luaL_error(L, "a message to an object that this vat has not");
    lua_pushlstring(L, (const char *)delivery->method.data, delivery->method.size);
    remotable_push_method(L, target, name);
    push_sink(L, delivery);
    lua_State *turn = turn_push(L);
    lua_pushvalue(L, method);
    lua_pushvalue(L, target);
    lua_xmove(L, turn, 2);
    int count = slots_decode(turn, &delivery->value);
    if (!lua_isnil(L, method)) {
        turn_run(L, count + 1);
        return;
    }
    lua_settop(turn, 0);
    remotable_push_no_method(L, target, name);
    sink_reject(L, sink, false);
}

/* Notifies */

/* All of them are known before the first value is read: values may hold any of them. */
static void
meet_settled(lua_State *L, const struct delivery *delivery)
{
    for (size_t i = 0; i < delivery->settlement_count; i++) {
        uint64_t word = delivery->settlements[i].promise.word;
        if (!words_push(L, word))
            live_promise_push_import(L, word);
        struct live_promise *promise = live_promise_at(L, -1);
        if (promise == NULL || promise->state != LIVE_PENDING)
            luaL_error(L, "a notify about what is not an unsettled promise");
        live_promise_hand_over(promise);
        lua_pop(L, 1);
    }
}

static void
deliver_notify(lua_State *L, const struct delivery *delivery)
{
    meet_settled(L, delivery);
    for (size_t i = 0; i < delivery->settlement_count; i++) {
        const struct settlement *settlement = &delivery->settlements[i];
        words_push(L, settlement->promise.word);
        if (delivery->budget_exceeded)
            live_promise_at(L, 1)->late = liveslots_of(L)->delivery;
        int count = slots_decode(L, &settlement->value);
        if (settlement->state == SETTLE_FULFILLED)
            live_promise_fulfil(L, 1, count);
        else if (count == 1)
            live_promise_reject(L, 1);
        else
            luaL_error(L, "a rejection must have one reason");
        lua_settop(L, 0);
    }
    for (size_t i = 0; i < delivery->settlement_count; i++) {
        if (!words_push(L, delivery->settlements[i].promise.word))
            luaL_error(L, "a notify tells of one promise twice");
        live_promise_forget(L, 1);
        lua_settop(L, 0);
    }
}

/* The start */

/* Pushes the build function and its arguments. */
static void
push_build(lua_State *L, const struct delivery *delivery)
{
    module_push_main(L);
    if (!lua_isfunction(L, -1))
        luaL_error(
            L, "the main chunk must return the build function, got %s", luaL_typename(L, -1));
    lvat_push(L);
    int count = slots_decode(L, &delivery->value);
    if (count == 0 || lua_isnil(L, -1)) {
        lua_settop(L, 2);
        lua_newtable(L);
    }
    lua_settop(L, 3);
}

static int
p_start(lua_State *L)
{
    struct vat *vat = vat_of(L);
    struct liveslots *ls = liveslots_of(L);
    kind_start(L);
    watch_start(L);
    push_build(L, &vat->run.delivery);
    ls->building = true;
    lua_call(L, 2, 1);
    ls->building = false;
    struct remotable *root = noun_at(L, 1, NOUN_REMOTABLE);
    if (root == NULL)
        return luaL_error(L, "the build function must return Far(...), got %s",
            noun_at(L, 1, NOUN_PRESENCE) != NULL ? "a presence" : luaL_typename(L, 1));
    if (remotable_is_durable(root))
        return luaL_error(L, "the build function must return Far(...), got a durable object");
    kind_check(L);
    root->word = VREF_ROOT.word;
    root->known = true;
    words_put(L, root->word, 1);
    garbage_exported(L, root, 1);
    outside_begin();
    vat->run.interface = arena_copy(&vat->run.arena, remotable_interface(root));
    outside_end();
    return 0;
}

/* Leaves the reason of a start that failed in the vat. */
static void
start(lua_State *L)
{
    struct vat *vat = vat_of(L);
    lua_pushcfunction(L, p_start);
    if (lua_pcall(L, 0, 0, 0) == LUA_OK)
        return;
    const char *reason = fault_push_text(L, 1);
    outside_begin();
    vat->run.failed = true;
    buf_text(&vat->run.reason, reason);
    outside_end();
}

void
dispatch_deliver(lua_State *L)
{
    struct vat *vat = vat_of(L);
    const struct delivery *delivery = &vat->run.delivery;
    assert(liveslots_of(L)->rejected_count == 0 && liveslots_of(L)->export_count == 0);
    liveslots_of(L)->delivery++;
    lua_settop(L, 0);
    switch (delivery->kind) {
    case DELIVER_MESSAGE:
        deliver_message(L, delivery);
        break;
    case DELIVER_NOTIFY:
        deliver_notify(L, delivery);
        break;
    case DELIVER_DROP_EXPORTS:
    case DELIVER_RETIRE_EXPORTS:
    case DELIVER_RETIRE_IMPORTS:
        garbage_deliver(L, delivery);
        break;
    case DELIVER_BRING_OUT_YOUR_DEAD: /* when all has come to rest: see vat.c */
        break;
    case DELIVER_START_VAT:
        start(L);
        if (vat->run.failed)
            return;
        break;
    }
    job_run_all(L);
    live_promise_report(L);
}
