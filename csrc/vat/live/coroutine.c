#include "vat/live/coroutine.h"

#include "vat/live/fault.h"
#include "vat/live/live_promise.h"
#include "vat/machine/limit.h"
#include "vat/noun/liveslots.h"

#include <assert.h>

uint64_t *
coroutine_flags(lua_State *L)
{
    return lua_getextraspace(L);
}

static lua_State *
check_thread(lua_State *L)
{
    lua_State *thread = lua_tothread(L, 1);
    luaL_argexpected(L, thread != NULL, 1, "coroutine");
    return thread;
}

/* await */

static int
await_done(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    const struct live_promise *promise = live_promise_at(L, 1);
    assert(promise->state != LIVE_PENDING);
    lua_settop(L, 1);
    if (live_promise_is_late(L, promise)) {
        fault_push_late(L);
        return lua_error(L);
    }
    int count = live_promise_push_values(L, 1);
    if (promise->state == LIVE_REJECTED)
        return lua_error(L);
    return count;
}

static int
l_await(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    if (live_promise_at(L, 1) == NULL) {
        luaL_checkany(L, 1);
        return lua_gettop(L);
    }
    if (ls->building)
        return luaL_error(L,
            "await cannot be used in the build function; use p:next(...), or await "
            "in a method");
    if (ls->loading > 0)
        return luaL_error(L, "await cannot be used in a module's main chunk");
    if (!ls->may_await || !lua_isyieldable(L))
        return luaL_error(L, "await cannot be used here: Lua cannot yield in callbacks of gsub and "
                             "sort, in __tostring, and in handlers of xpcall");
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    ls->awaiting = true;
    return lua_yieldk(L, 1, 0, await_done);
}

/* The library */

enum coroutine_state { STATE_RUNNING, STATE_SUSPENDED, STATE_NORMAL, STATE_DEAD };

static enum coroutine_state
state_of(lua_State *L, lua_State *thread)
{
    lua_Debug frame;
    if (L == thread)
        return STATE_RUNNING;
    if ((*coroutine_flags(thread) & COROUTINE_AWAITS) != 0)
        return STATE_NORMAL;
    if (lua_status(thread) == LUA_YIELD)
        return STATE_SUSPENDED;
    if (lua_status(thread) != LUA_OK)
        return STATE_DEAD;
    if (lua_getstack(thread, 0, &frame))
        return STATE_NORMAL;
    return lua_gettop(thread) == 0 ? STATE_DEAD : STATE_SUSPENDED;
}

static const char *
why_not(lua_State *L, lua_State *thread)
{
    if ((*coroutine_flags(thread) & COROUTINE_AWAITS) != 0)
        return "cannot resume a coroutine that awaits; its promise will";
    switch (state_of(L, thread)) {
    case STATE_RUNNING:
    case STATE_NORMAL:
        return "cannot resume non-suspended coroutine";
    case STATE_DEAD:
        return "cannot resume dead coroutine";
    default:
        return NULL;
    }
}

static int resume_again(lua_State *L, int status, lua_KContext wrapped);

/* What a resumed coroutine came to: results, or false and an error; wrap raises that. */
static int
give_results(lua_State *L, lua_State *thread, int status, int count, bool wrapped)
{
    bool good = status == LUA_OK || status == LUA_YIELD;
    if (good && !lua_checkstack(L, count + 1)) {
        lua_pop(thread, count);
        lua_pushliteral(L, "too many results to resume");
        good = false;
    } else {
        lua_xmove(thread, L, good ? count : 1);
    }
    if (!wrapped) {
        int given = good ? count : 1;
        lua_pushboolean(L, good);
        lua_insert(L, -(given + 1));
        return given + 1;
    }
    if (good)
        return count;
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int
resume(lua_State *L, lua_State *thread, int argument_count, bool wrapped)
{
    struct liveslots *ls = liveslots_of(L);
    bool outer = ls->may_await;
    int count;
    ls->may_await = outer && lua_isyieldable(L);
    int status = lua_resume(thread, L, argument_count, &count);
    ls->may_await = outer;
    if (status == LUA_YIELD && ls->awaiting) {
        assert(outer && lua_isyieldable(L) && live_promise_at(thread, -1) != NULL);
        *coroutine_flags(thread) |= COROUTINE_AWAITS;
        lua_xmove(thread, L, 1);
        return lua_yieldk(L, 1, wrapped, resume_again);
    }
    return give_results(L, thread, status, count, wrapped);
}

static int
resume_again(lua_State *L, int status, lua_KContext wrapped)
{
    (void)status;
    lua_State *thread = lua_tothread(L, wrapped ? lua_upvalueindex(1) : 1);
    assert((*coroutine_flags(thread) & COROUTINE_AWAITS) != 0);
    *coroutine_flags(thread) &= ~(uint64_t)COROUTINE_AWAITS;
    return resume(L, thread, 0, wrapped != 0);
}

static int
l_resume(lua_State *L)
{
    lua_State *thread = check_thread(L);
    int count = lua_gettop(L) - 1;
    const char *reason = why_not(L, thread);
    if (reason == NULL && !lua_checkstack(thread, count))
        reason = "too many arguments to resume";
    if (reason != NULL) {
        lua_pushboolean(L, 0);
        lua_pushstring(L, reason);
        return 2;
    }
    lua_xmove(L, thread, count);
    return resume(L, thread, count, false);
}

static int
l_wrapped(lua_State *L)
{
    lua_State *thread = lua_tothread(L, lua_upvalueindex(1));
    int count = lua_gettop(L);
    const char *reason = why_not(L, thread);
    if (reason == NULL && !lua_checkstack(thread, count))
        reason = "too many arguments to resume";
    if (reason != NULL)
        return luaL_error(L, "%s", reason);
    lua_xmove(L, thread, count);
    return resume(L, thread, count, true);
}

static int
l_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    limit_charge(L, COROUTINE_CHARGED);
    lua_State *thread = lua_newthread(L);
    *coroutine_flags(thread) = 0;
    lua_pushvalue(L, 1);
    lua_xmove(L, thread, 1);
    return 1;
}

static int
l_wrap(lua_State *L)
{
    l_create(L);
    lua_pushcclosure(L, l_wrapped, 1);
    return 1;
}

static int
l_yield(lua_State *L)
{
    if ((*coroutine_flags(L) & COROUTINE_TURN) != 0)
        return luaL_error(L, "attempt to yield from outside a coroutine");
    return lua_yield(L, lua_gettop(L));
}

static int
l_status(lua_State *L)
{
    static const char *const names[] = {"running", "suspended", "normal", "dead"};
    lua_pushstring(L, names[state_of(L, check_thread(L))]);
    return 1;
}

static int
l_isyieldable(lua_State *L)
{
    lua_State *thread = lua_isnone(L, 1) ? L : check_thread(L);
    bool turn = (*coroutine_flags(thread) & COROUTINE_TURN) != 0;
    lua_pushboolean(L, !turn && lua_isyieldable(thread));
    return 1;
}

/* A turn's coroutine counts as the main one. */
static int
l_running(lua_State *L)
{
    bool main = lua_pushthread(L) != 0;
    *coroutine_flags(L) |= COROUTINE_SEEN;
    lua_pushboolean(L, main || (*coroutine_flags(L) & COROUTINE_TURN) != 0);
    return 2;
}

static const luaL_Reg functions[] = {
    {"create", l_create},
    {"isyieldable", l_isyieldable},
    {"resume", l_resume},
    {"running", l_running},
    {"status", l_status},
    {"wrap", l_wrap},
    {"yield", l_yield},
    {NULL, NULL},
};

void
coroutine_open(lua_State *L)
{
    luaL_newlib(L, functions);
    lua_setglobal(L, "coroutine");
    lua_pushcfunction(L, l_await);
    lua_setglobal(L, "await");
}
