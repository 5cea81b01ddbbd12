/* Turns: each is a coroutine that runs until it awaits or is done. */
#include "value/errorvalue.h"
#include "vat/live/liveslots.h"

void
job_push(lua_State *L, int reaction, int promise)
{
    struct liveslots *ls = liveslots_of(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, ls->jobs);
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

lua_State *
job_push_turn(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    lua_State *turn = NULL;
    if (lua_rawgeti(L, LUA_REGISTRYINDEX, ls->spare) == LUA_TTHREAD) {
        turn = lua_tothread(L, -1);
        lua_pushboolean(L, 0);
        lua_rawseti(L, LUA_REGISTRYINDEX, ls->spare);
    } else {
        lua_pop(L, 1);
        limit_charge(L, COROUTINE_CHARGED);
        turn = lua_newthread(L);
    }
    *coroutine_flags(turn) = COROUTINE_TURN;
    return turn;
}

/* A single promise, on top, came out of the turn whose result is a promise of the kernel's. */
static void
conclude_with_promise(lua_State *L, uint64_t word)
{
    int top = lua_gettop(L);
    struct live_promise *end = live_promise_push_end(L, top);
    end->handled = true;
    live_promise_at(L, top)->handled = true;
    if (end->state != LIVE_PENDING) {
        int count = live_promise_push_values(L, top + 1);
        slots_resolve_word(L, word, end->state, count);
    } else if (end->remote) {
        outgoing_follow(L, word, end->word);
    } else {
        slots_push_result(L, word);
        live_promise_follow(L, top + 2, top + 1);
    }
}

/* finally's function returned: the promise goes the way of the first, once a promise that the
   function gave has been fulfilled. */
static void
conclude_finally(lua_State *L, int sink, int count)
{
    int value = lua_gettop(L);
    reaction_push(L, REACTION_PASS);
    int pass = value + 1;
    lua_getiuservalue(L, sink, 2);
    lua_setiuservalue(L, pass, 2);
    lua_getiuservalue(L, sink, 3);
    lua_setiuservalue(L, pass, 3);
    if (count == 1 && live_promise_at(L, value) != NULL) {
        live_promise_attach(L, value);
        return;
    }
    lua_getiuservalue(L, pass, 2);
    lua_getiuservalue(L, pass, 3);
    live_promise_copy(L, pass + 2, pass + 1);
}

/* The values, on top, go where the turn's outcome goes: see job_push_turn. */
static void
conclude(lua_State *L, int sink, int count)
{
    if (lua_isinteger(L, sink)) {
        uint64_t word = (uint64_t)lua_tointeger(L, sink);
        if (count == 1 && live_promise_at(L, -1) != NULL)
            conclude_with_promise(L, word);
        else
            slots_resolve_word(L, word, LIVE_FULFILLED, count);
    } else if (live_promise_at(L, sink) != NULL) {
        live_promise_resolve(L, sink, count);
    } else if (!lua_isnil(L, sink)) {
        conclude_finally(L, sink, count);
    }
}

/* The reason, on top, goes there too. */
static void
conclude_error(lua_State *L, int sink, bool logged)
{
    if (lua_isinteger(L, sink)) {
        slots_resolve_word(L, (uint64_t)lua_tointeger(L, sink), LIVE_REJECTED, 1);
    } else if (live_promise_at(L, sink) != NULL) {
        live_promise_reject(L, sink);
    } else if (!lua_isnil(L, sink)) {
        lua_getiuservalue(L, sink, 3);
        lua_insert(L, -2);
        live_promise_reject(L, lua_gettop(L) - 1);
    } else if (!logged) {
        lua_pushfstring(L, "unhandled rejection: %s", fault_push_text(L, lua_gettop(L)));
        log_line(L, VAT_LOG_UNHANDLED, lua_tostring(L, -1), lua_rawlen(L, -1));
    }
}

void
job_reject(lua_State *L, int sink)
{
    conclude_error(L, sink, false);
}

/* The turn at index is done, and count values lie on its stack. */
static void
finish(lua_State *L, int index, int count)
{
    lua_State *turn = lua_tothread(L, index);
    uint64_t flags = *coroutine_flags(turn);
    if (count > MARSHAL_VALUE_MAX || !lua_checkstack(L, count + 16)) {
        lua_settop(turn, 0);
        errorvalue_push(
            L, "LimitExceeded", "result: more than %d values, the limit", MARSHAL_VALUE_MAX);
        conclude_error(L, index - 1, false);
        return;
    }
    lua_xmove(turn, L, count);
    if ((flags & COROUTINE_SEEN) == 0) {
        lua_pushvalue(L, index);
        lua_rawseti(L, LUA_REGISTRYINDEX, liveslots_of(L)->spare);
    }
    int first = lua_gettop(L) - count + 1;
    if ((flags & COROUTINE_COPIES) != 0 && !slots_try_copy(L, first, count, "result", count != 1))
        conclude_error(L, index - 1, false);
    else
        conclude(L, index - 1, count);
}

/* The turn at index awaits the promise on top of its stack. A result that only the kernel knew gets
   a promise of its own, since it may now be met before the turn is done. */
static void
suspend(lua_State *L, int index)
{
    struct liveslots *ls = liveslots_of(L);
    lua_State *turn = lua_tothread(L, index);
    ls->awaiting = false;
    lua_xmove(turn, L, 1);
    lua_pushvalue(L, index);
    live_promise_attach(L, index + 1);
    if (lua_isinteger(L, index - 1)) {
        slots_push_result(L, (uint64_t)lua_tointeger(L, index - 1));
        lua_replace(L, index - 1);
    }
    if ((*coroutine_flags(turn) & COROUTINE_STORED) == 0 && !lua_isnil(L, index - 1)) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, ls->turns);
        lua_pushvalue(L, index);
        lua_pushvalue(L, index - 1);
        lua_rawset(L, -3);
        *coroutine_flags(turn) |= COROUTINE_STORED;
    }
    *coroutine_flags(turn) |= COROUTINE_AWAITS;
}

void
job_run_turn(lua_State *L, int argument_count)
{
    struct liveslots *ls = liveslots_of(L);
    int index = lua_gettop(L);
    lua_State *turn = lua_tothread(L, index);
    int count;
    ls->may_await = true;
    *coroutine_flags(turn) &= ~(uint64_t)COROUTINE_AWAITS;
    int status = lua_resume(turn, L, argument_count, &count);
    ls->may_await = false;
    luaL_checkstack(L, 16, NULL);
    if (status == LUA_YIELD) {
        suspend(L, index);
        lua_settop(L, index - 2);
        return;
    }
    if ((*coroutine_flags(turn) & COROUTINE_STORED) != 0) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, ls->turns);
        lua_pushvalue(L, index);
        lua_pushnil(L);
        lua_rawset(L, -3);
        lua_pop(L, 1);
    }
    if (status == LUA_OK) {
        finish(L, index, count);
    } else {
        lua_xmove(turn, L, 1);
        bool logged = fault_take(L, turn);
        conclude_error(L, index - 1, logged);
    }
    lua_settop(L, index - 2);
}

/* Jobs: each is a reaction at 1, on its promise at 2, if any. */

static void
run_awaiting(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, liveslots_of(L)->turns);
    lua_pushvalue(L, 1);
    lua_rawget(L, -2);
    lua_pushvalue(L, 1);
    job_run_turn(L, 0);
}

static bool
is_late(lua_State *L, const struct live_promise *promise)
{
    return promise->late != 0 && promise->late == liveslots_of(L)->delivery;
}

/* There is no callback for what happened: the reaction's promise goes the same way. */
static void
pass_on(lua_State *L, bool late)
{
    if (lua_getiuservalue(L, 1, 3) == LUA_TNIL)
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
    int callback = promise->state == LIVE_FULFILLED ? 1 : 2;
    bool late = lua_getiuservalue(L, 1, callback) != LUA_TNIL && is_late(L, promise);
    if (late) {
        lua_pop(L, 1);
        lua_getiuservalue(L, 1, 2);
    }
    if (lua_isnil(L, 3)) {
        pass_on(L, late);
        return;
    }
    lua_getiuservalue(L, 1, 3);
    lua_State *turn = job_push_turn(L);
    lua_pushvalue(L, 3);
    int count = 1;
    if (late)
        fault_push_late(L);
    else
        count = live_promise_push_values(L, 2);
    luaL_checkstack(turn, count + 8, NULL);
    lua_xmove(L, turn, count + 1);
    job_run_turn(L, count);
}

static void
run_finally(lua_State *L)
{
    if (is_late(L, live_promise_at(L, 2))) {
        pass_on(L, true);
        return;
    }
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, 1, 2);
    lua_pushvalue(L, 1);
    lua_State *turn = job_push_turn(L);
    lua_getiuservalue(L, 1, 1);
    lua_xmove(L, turn, 1);
    job_run_turn(L, 0);
}

/* The promise that finally's function gave has settled. */
static void
run_pass(lua_State *L)
{
    lua_getiuservalue(L, 1, 2);
    lua_getiuservalue(L, 1, 3);
    bool failed = live_promise_at(L, 2)->state == LIVE_REJECTED;
    live_promise_copy(L, 4, failed ? 2 : 3);
}

/* A message within the vat. */
static void
run_message(lua_State *L, const struct reaction *reaction)
{
    int count = reaction->count;
    lua_getiuservalue(L, 1, 1);
    lua_getiuservalue(L, 1, 4);
    remotable_push_method(L, 4, 3);
    lua_getiuservalue(L, 1, 3);
    if (lua_isnil(L, 5)) {
        remotable_push_no_method(L, 4, 3);
        conclude_error(L, 6, false);
        return;
    }
    lua_State *turn = job_push_turn(L);
    *coroutine_flags(turn) |= COROUTINE_COPIES;
    luaL_checkstack(L, count + 8, NULL);
    luaL_checkstack(turn, count + 8, NULL);
    lua_pushvalue(L, 5);
    lua_pushvalue(L, 4);
    reaction_push_arguments(L, 1);
    lua_xmove(L, turn, count + 2);
    job_run_turn(L, count + 1);
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
        run_awaiting(L);
        return;
    }
    const struct reaction *reaction = noun_at(L, 1, NOUN_REACTION);
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
        lua_rawgeti(L, LUA_REGISTRYINDEX, ls->jobs);
        lua_Integer at = 2 * ls->job_first++;
        lua_rawgeti(L, 1, at - 1);
        lua_rawgeti(L, 1, at);
        lua_pushnil(L);
        lua_rawseti(L, 1, at - 1);
        lua_pushnil(L);
        lua_rawseti(L, 1, at);
        lua_remove(L, 1);
        if (ls->job_first == ls->job_last)
            ls->job_first = ls->job_last = 1;
        run_job(L);
    }
    lua_settop(L, 0);
}
