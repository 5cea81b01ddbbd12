#include "vat/live/job.h"

#include "vat/live/coroutine.h"
#include "vat/live/eventual.h"
#include "vat/live/fault.h"
#include "vat/live/live_promise.h"
#include "vat/live/reaction.h"
#include "vat/live/sink.h"
#include "vat/live/turn.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/registry.h"
#include "vat/noun/remotable.h"

#include <assert.h>

void
job_push(lua_State *L, int reaction, int promise)
{
    struct liveslots *ls = liveslots_of(L);
    assert(ls->job_first >= 1 && ls->job_first <= ls->job_last);
    assert(promise == 0 || live_promise_at(L, promise) != NULL);
    registry_push(L, ls->jobs);
    lua_pushvalue(L, reaction);
    lua_rawseti(L, -2, 2 * ls->job_last - 1);
    if (promise != 0)
        lua_pushvalue(L, promise);
    else
        lua_pushboolean(L, 0);
    lua_rawseti(L, -2, 2 * ls->job_last);
    ls->job_last++;
    lua_pop(L, 1);
}

/* What a job does: its reaction is at 1, its promise, if any, at 2. */

/* There is no callback for what happened: the reaction's promise goes the same way. */
static void
pass_on(lua_State *L, bool late)
{
    if (lua_getiuservalue(L, 1, REACTION_RESULT) == LUA_TNIL)
        return;
    int promise = lua_gettop(L);
    if (late) {
        fault_push_late(L);
        live_promise_reject(L, promise);
    } else {
        live_promise_copy(L, promise, 2);
    }
}

static void
run_callback(lua_State *L)
{
    const struct live_promise *promise = live_promise_at(L, 2);
    const int callback = 3;
    bool fulfilled = promise->state == LIVE_FULFILLED;
    lua_getiuservalue(L, 1, fulfilled ? REACTION_IF_FULFILLED : REACTION_IF_REJECTED);
    bool late = !lua_isnil(L, callback) && live_promise_is_late(L, promise);
    if (late) {
        lua_pop(L, 1);
        lua_getiuservalue(L, 1, REACTION_IF_REJECTED);
    }
    if (lua_isnil(L, callback)) {
        pass_on(L, late);
        return;
    }
    lua_getiuservalue(L, 1, REACTION_RESULT);
    lua_State *turn = turn_push(L);
    lua_pushvalue(L, callback);
    int count = 1;
    if (late)
        fault_push_late(L);
    else
        count = live_promise_push_values(L, 2);
    luaL_checkstack(turn, count + 8, NULL);
    lua_xmove(L, turn, count + 1);
    turn_run(L, count);
}

static void
run_finally(lua_State *L)
{
    if (live_promise_is_late(L, live_promise_at(L, 2))) {
        pass_on(L, true);
        return;
    }
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, 1, REACTION_FIRST);
    lua_pushvalue(L, 1);
    lua_State *turn = turn_push(L);
    lua_getiuservalue(L, 1, REACTION_FUNCTION);
    lua_xmove(L, turn, 1);
    turn_run(L, 0);
}

/* The promise that finally's function gave has settled. */
static void
run_pass(lua_State *L)
{
    const int given = 2, first = 3, promise = 4;
    lua_getiuservalue(L, 1, REACTION_FIRST);
    lua_getiuservalue(L, 1, REACTION_RESULT);
    bool failed = live_promise_at(L, given)->state == LIVE_REJECTED;
    live_promise_copy(L, promise, failed ? given : first);
}

/* A message within the vat. */
static void
run_message(lua_State *L, const struct reaction *reaction)
{
    const int name = 3, target = 4, method = 5, sink = 6;
    int count = reaction->count;
    lua_getiuservalue(L, 1, REACTION_METHOD);
    lua_getiuservalue(L, 1, REACTION_TARGET);
    remotable_push_method(L, target, name);
    lua_getiuservalue(L, 1, REACTION_RESULT);
    if (lua_isnil(L, method)) {
        remotable_push_no_method(L, target, name);
        sink_reject(L, sink, false);
        return;
    }
    lua_State *turn = turn_push(L);
    *coroutine_flags(turn) |= COROUTINE_COPIES;
    luaL_checkstack(L, count + 8, NULL);
    luaL_checkstack(turn, count + 8, NULL);
    lua_pushvalue(L, method);
    lua_pushvalue(L, target);
    reaction_push_arguments(L, 1);
    lua_xmove(L, turn, count + 2);
    turn_run(L, count + 1);
}

/* A promise that followed the other one. */
static void
run_follower(lua_State *L)
{
    if (live_promise_at(L, 2)->state == LIVE_PENDING)
        live_promise_follow(L, 1, 2);
    else
        live_promise_copy(L, 1, 2);
}

static void
run_job(lua_State *L)
{
    if (lua_isthread(L, 1)) {
        turn_go_on(L, 1);
        return;
    }
    const struct reaction *reaction = reaction_at(L, 1);
    if (reaction == NULL) {
        run_follower(L);
        return;
    }
    switch (reaction->kind) {
    case REACTION_CALLBACK:
        run_callback(L);
        break;
    case REACTION_FINALLY:
        run_finally(L);
        break;
    case REACTION_PASS:
        run_pass(L);
        break;
    case REACTION_SEND:
        eventual_forward(L, 1, 2);
        break;
    case REACTION_TURN:
        run_message(L, reaction);
        break;
    }
}

void
job_run_all(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    while (ls->job_first < ls->job_last) {
        lua_settop(L, 0);
        registry_push(L, ls->jobs);
        lua_Integer at = 2 * ls->job_first++;
        lua_rawgeti(L, 1, at - 1);
        lua_rawgeti(L, 1, at);
        assert(!lua_isnil(L, 2) && !lua_isnil(L, 3));
        lua_pushnil(L);
        lua_rawseti(L, 1, at - 1);
        lua_pushnil(L);
        lua_rawseti(L, 1, at);
        lua_remove(L, 1);
        if (ls->job_first == ls->job_last)
            ls->job_first = ls->job_last = 1;
        run_job(L);
    }
    assert(ls->job_first == 1 && ls->job_last == 1);
    lua_settop(L, 0);
}
