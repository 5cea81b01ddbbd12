#include "vat/live/live_promise.h"

#include "base/ref.h"
#include "value/errorvalue.h"
#include "vat/live/eventual.h"
#include "vat/live/fault.h"
#include "vat/live/job.h"
#include "vat/live/outgoing.h"
#include "vat/live/reaction.h"
#include "vat/live/settled.h"
#include "vat/live/watch.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/registry.h"
#include "vat/noun/words.h"

#include <assert.h>

#ifndef NDEBUG
/* What the table in the header allows. */
static bool
is_legal(const struct live_promise *promise)
{
    bool pending = promise->state == LIVE_PENDING;
    if (promise->known && promise->word == 0)
        return false;
    if (promise->count < 0 || (promise->count > 0 && promise->state != LIVE_FULFILLED))
        return false;
    if (pending)
        return promise->known || !promise->remote;
    return promise->resolved && !promise->queueing;
}
#endif

struct live_promise *
live_promise_at(lua_State *L, int index)
{
    return noun_at(L, index, NOUN_PROMISE);
}

struct live_promise *
live_promise_push(lua_State *L)
{
    struct live_promise *promise = lua_newuserdatauv(L, sizeof *promise, LIVE_PROXY);
    *promise = (struct live_promise){.noun = NOUN_PROMISE};
    luaL_setmetatable(L, "promise");
    return promise;
}

/* Whose affair it is */

static struct live_promise *
push_known(lua_State *L, uint64_t word, bool remote)
{
    struct live_promise *promise = live_promise_push(L);
    promise->word = word;
    promise->known = true;
    promise->remote = remote;
    promise->handled = true; /* by whoever sent the message, or settles it */
    words_put(L, word, -1);
    assert(is_legal(promise));
    return promise;
}

struct live_promise *
live_promise_push_import(lua_State *L, uint64_t word)
{
    return push_known(L, word, true);
}

struct live_promise *
live_promise_push_result(lua_State *L, uint64_t word)
{
    return push_known(L, word, false);
}

void
live_promise_name(lua_State *L, int index)
{
    struct live_promise *promise = live_promise_at(L, index);
    if (promise->word != 0)
        return;
    assert(is_legal(promise));
    promise->word = vref_export(REF_PROMISE, liveslots_of(L)->next_promise++).word;
    words_put(L, promise->word, index);
}

void
live_promise_hand_over(struct live_promise *promise)
{
    assert(promise->state == LIVE_PENDING && promise->word != 0);
    promise->known = true;
    promise->remote = true;
}

void
live_promise_take_over(struct live_promise *promise)
{
    assert(promise->state == LIVE_PENDING && promise->remote);
    promise->remote = false;
    promise->handled = true;
    assert(is_legal(promise));
}

void
live_promise_forget(lua_State *L, int index)
{
    struct live_promise *promise = live_promise_at(L, index);
    if (promise->word == 0)
        return;
    assert(promise->resolved);
    words_forget(L, promise->word);
    promise->word = 0;
    promise->known = false;
    assert(is_legal(promise));
}

bool
live_promise_is_late(lua_State *L, const struct live_promise *promise)
{
    return promise->late != 0 && promise->late == liveslots_of(L)->delivery;
}

/* Reactions */

static void
append_reaction(lua_State *L, int promise)
{
    int type = lua_getiuservalue(L, promise, LIVE_REACTIONS);
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        lua_setiuservalue(L, promise, LIVE_REACTIONS);
        return;
    }
    if (type != LUA_TTABLE) {
        lua_createtable(L, 2, 0);
        lua_insert(L, -2);
        lua_rawseti(L, -2, 1);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, promise, LIVE_REACTIONS);
    }
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

void
live_promise_attach(lua_State *L, int index)
{
    struct live_promise *promise = live_promise_at(L, index);
    assert(is_legal(promise));
    promise->handled = true;
    if (promise->state == LIVE_PENDING) {
        append_reaction(L, index);
        return;
    }
    job_push(L, lua_gettop(L), index);
    lua_pop(L, 1);
}

/* Takes the promise's reactions off it and leaves them as a list, or nil. */
static void
take_reactions(lua_State *L, int promise)
{
    int type = lua_getiuservalue(L, promise, LIVE_REACTIONS);
    if (type == LUA_TNIL)
        return;
    lua_pushnil(L);
    lua_setiuservalue(L, promise, LIVE_REACTIONS);
    if (type == LUA_TTABLE)
        return;
    lua_createtable(L, 1, 0);
    lua_insert(L, -2);
    lua_rawseti(L, -2, 1);
}

/* Settling */

static void
note_rejected(lua_State *L, int promise)
{
    struct liveslots *ls = liveslots_of(L);
    assert(ls->rejected_count >= 0 && live_promise_at(L, promise)->state == LIVE_REJECTED);
    registry_put(L, ls->rejected, ++ls->rejected_count, promise);
}

/* The outcome is in its place. */
static void
settle(lua_State *L, int index, enum live_state state)
{
    struct live_promise *promise = live_promise_at(L, index);
    assert(promise->state == LIVE_PENDING && state != LIVE_PENDING);
    promise->state = state;
    promise->resolved = true;
    promise->queueing = false;
    assert(is_legal(promise));
    take_reactions(L, index);
    if (lua_istable(L, -1)) {
        int list = lua_gettop(L);
        lua_Integer count = (lua_Integer)lua_rawlen(L, list);
        for (lua_Integer i = 1; i <= count; i++) {
            lua_rawgeti(L, list, i);
            job_push(L, list + 1, index);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
    if (state == LIVE_REJECTED && !promise->handled)
        note_rejected(L, index);
    watch_settled(L, index);
    if (promise->known && !promise->remote)
        settled_tell(L, index);
}

void
live_promise_fulfil(lua_State *L, int index, int count)
{
    struct live_promise *promise = live_promise_at(L, index);
    if (promise->state != LIVE_PENDING) {
        lua_pop(L, count);
        return;
    }
    assert(count >= 0 && lua_gettop(L) >= count);
    promise->count = count;
    if (count == 0) {
        lua_pushnil(L);
    } else if (count > 1) {
        lua_createtable(L, count, 0);
        int list = lua_gettop(L);
        lua_insert(L, list - count);
        for (int i = count; i >= 1; i--)
            lua_rawseti(L, list - count, i);
    }
    lua_setiuservalue(L, index, LIVE_OUTCOME);
    settle(L, index, LIVE_FULFILLED);
}

void
live_promise_reject(lua_State *L, int index)
{
    if (live_promise_at(L, index)->state != LIVE_PENDING) {
        lua_pop(L, 1);
        return;
    }
    lua_setiuservalue(L, index, LIVE_OUTCOME);
    settle(L, index, LIVE_REJECTED);
}

void
live_promise_copy(lua_State *L, int index, int from)
{
    struct live_promise *promise = live_promise_at(L, index);
    struct live_promise *model = live_promise_at(L, from);
    assert(model->state != LIVE_PENDING && is_legal(model));
    model->handled = true;
    if (promise->state != LIVE_PENDING)
        return;
    promise->count = model->count;
    promise->late = model->late;
    lua_getiuservalue(L, from, LIVE_OUTCOME);
    lua_setiuservalue(L, index, LIVE_OUTCOME);
    settle(L, index, model->state);
}

int
live_promise_push_values(lua_State *L, int index)
{
    const struct live_promise *promise = live_promise_at(L, index);
    assert(promise->state != LIVE_PENDING && is_legal(promise));
    if (promise->state == LIVE_REJECTED || promise->count == 1) {
        lua_getiuservalue(L, index, LIVE_OUTCOME);
        return 1;
    }
    if (promise->count == 0)
        return 0;
    luaL_checkstack(L, promise->count + 8, NULL);
    lua_getiuservalue(L, index, LIVE_OUTCOME);
    int list = lua_gettop(L);
    for (int i = 1; i <= promise->count; i++)
        lua_rawgeti(L, list, i);
    lua_remove(L, list);
    return promise->count;
}

/* Following */

struct live_promise *
live_promise_push_end(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    struct live_promise *promise = live_promise_at(L, -1);
    while (promise->state == LIVE_PENDING) {
        lua_getiuservalue(L, -1, LIVE_OUTCOME);
        struct live_promise *next = live_promise_at(L, -1);
        assert((next != NULL) == promise->resolved);
        if (next == NULL) {
            lua_pop(L, 1);
            break;
        }
        lua_replace(L, -2);
        promise = next;
    }
    return promise;
}

/* The promise now follows one that the kernel settles: the kernel is told, waiting messages go
   there, and so does whatever follows it. */
static void
redirect(lua_State *L, int index, const struct live_promise *end)
{
    struct live_promise *promise = live_promise_at(L, index);
    if (promise->known && !promise->remote) {
        outgoing_follow(L, promise->word, end->word);
        watch_follows(L, promise->word, end->word);
        live_promise_forget(L, index);
    }
    promise->queueing = false;
    take_reactions(L, index);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    int list = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, list);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, list, i);
        const struct reaction *reaction = reaction_at(L, -1);
        if (reaction != NULL && reaction->kind == REACTION_SEND) {
            eventual_forward(L, list + 1, index);
        } else if (live_promise_at(L, -1) != NULL) {
            job_push(L, list + 1, index);
        } else {
            append_reaction(L, index);
            continue;
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void
live_promise_follow(lua_State *L, int index, int other)
{
    struct live_promise *promise = live_promise_at(L, index);
    struct live_promise *end = live_promise_push_end(L, other);
    int top = lua_gettop(L);
    assert(promise->state == LIVE_PENDING && is_legal(promise));
    if (end == promise) {
        errorvalue_push(L, "Error", "a promise cannot follow itself");
        lua_pushnil(L);
        lua_setiuservalue(L, index, LIVE_OUTCOME);
        live_promise_reject(L, index);
    } else if (end->state != LIVE_PENDING) {
        live_promise_copy(L, index, top);
    } else {
        promise->resolved = true;
        lua_pushvalue(L, top);
        lua_setiuservalue(L, index, LIVE_OUTCOME);
        lua_pushvalue(L, index);
        live_promise_attach(L, top);
        if (end->remote)
            redirect(L, index, end);
    }
    lua_settop(L, top - 1);
}

void
live_promise_resolve(lua_State *L, int index, int count)
{
    if (live_promise_at(L, index)->resolved) {
        lua_pop(L, count);
    } else if (count == 1 && live_promise_at(L, -1) != NULL) {
        live_promise_follow(L, index, lua_gettop(L));
        lua_pop(L, 1);
    } else {
        live_promise_fulfil(L, index, count);
    }
}

void
live_promise_report(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    if (ls->rejected_count == 0)
        return;
    registry_push(L, ls->rejected);
    int list = lua_gettop(L);
    for (int i = 1; i <= ls->rejected_count; i++) {
        lua_rawgeti(L, list, i);
        if (!live_promise_at(L, -1)->handled) {
            lua_getiuservalue(L, -1, LIVE_OUTCOME);
            fault_log_unhandled(L, lua_gettop(L));
        }
        lua_settop(L, list);
        lua_pushnil(L);
        lua_rawseti(L, list, i);
    }
    ls->rejected_count = 0;
    lua_pop(L, 1);
}
