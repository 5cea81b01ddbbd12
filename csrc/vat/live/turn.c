#include "vat/live/turn.h"

#include "value/errorvalue.h"
#include "value/marshal.h"
#include "vat/live/coroutine.h"
#include "vat/live/fault.h"
#include "vat/live/live_promise.h"
#include "vat/live/sink.h"
#include "vat/live/slots.h"
#include "vat/machine/limit.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/registry.h"

#include <assert.h>

/* The table of turns */

static void
store(lua_State *L, int index)
{
    lua_State *turn = lua_tothread(L, index);
    assert(sink_at(L, index - 1) == SINK_PROMISE || sink_at(L, index - 1) == SINK_FINALLY);
    registry_push(L, liveslots_of(L)->turns);
    lua_pushvalue(L, index);
    lua_pushvalue(L, index - 1);
    lua_rawset(L, -3);
    *coroutine_flags(turn) |= COROUTINE_STORED;
}

static void
unstore(lua_State *L, int index)
{
    registry_push(L, liveslots_of(L)->turns);
    lua_pushvalue(L, index);
    lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* Running */

lua_State *
turn_push(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    lua_State *turn = NULL;
    if (lua_rawgeti(L, LUA_REGISTRYINDEX, ls->spare) == LUA_TTHREAD) {
        turn = lua_tothread(L, -1);
        assert(lua_status(turn) == LUA_OK && lua_gettop(turn) == 0);
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
        sink_reject(L, index - 1, false);
        return;
    }
    lua_xmove(turn, L, count);
    if ((flags & COROUTINE_SEEN) == 0) {
        lua_pushvalue(L, index);
        lua_rawseti(L, LUA_REGISTRYINDEX, liveslots_of(L)->spare);
    }
    int first = lua_gettop(L) - count + 1;
    if ((flags & COROUTINE_COPIES) != 0 && !slots_try_copy(L, first, count, "result", count != 1))
        sink_reject(L, index - 1, false);
    else
        sink_conclude(L, index - 1, count);
}

/* The turn at index awaits the promise on top of its stack. A result that only the kernel knew gets
   a promise of its own, since it may now be met before the turn is done. */
static void
suspend(lua_State *L, int index)
{
    struct liveslots *ls = liveslots_of(L);
    lua_State *turn = lua_tothread(L, index);
    assert(ls->awaiting && live_promise_at(turn, -1) != NULL);
    ls->awaiting = false;
    lua_xmove(turn, L, 1);
    lua_pushvalue(L, index);
    live_promise_attach(L, index + 1);
    if (sink_at(L, index - 1) == SINK_WORD) {
        live_promise_push_result(L, (uint64_t)lua_tointeger(L, index - 1));
        lua_replace(L, index - 1);
    }
    if ((*coroutine_flags(turn) & COROUTINE_STORED) == 0 && sink_at(L, index - 1) != SINK_NONE)
        store(L, index);
    *coroutine_flags(turn) |= COROUTINE_AWAITS;
}

void
turn_run(lua_State *L, int argument_count)
{
    struct liveslots *ls = liveslots_of(L);
    int index = lua_gettop(L);
    lua_State *turn = lua_tothread(L, index);
    int count;
    assert((*coroutine_flags(turn) & COROUTINE_TURN) != 0);
    assert(!ls->may_await && !ls->awaiting);
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
    if ((*coroutine_flags(turn) & COROUTINE_STORED) != 0)
        unstore(L, index);
    if (status == LUA_OK) {
        finish(L, index, count);
    } else {
        lua_xmove(turn, L, 1);
        bool logged = fault_take(L, turn);
        sink_reject(L, index - 1, logged);
    }
    lua_settop(L, index - 2);
}

void
turn_go_on(lua_State *L, int index)
{
    assert((*coroutine_flags(lua_tothread(L, index)) & COROUTINE_AWAITS) != 0);
    registry_push(L, liveslots_of(L)->turns);
    lua_pushvalue(L, index);
    lua_rawget(L, -2);
    lua_pushvalue(L, index);
    turn_run(L, 0);
}
