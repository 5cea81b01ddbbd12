/* Promises in a vat, whoever settles them. */
#include "value/errorvalue.h"
#include "vat/live/liveslots.h"

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

struct reaction *
reaction_push(lua_State *L, enum reaction_kind kind)
{
    struct reaction *reaction =
        lua_newuserdatauv(L, sizeof *reaction, kind == REACTION_TURN ? 4 : 3);
    *reaction = (struct reaction){.noun = NOUN_REACTION, .kind = kind};
    return reaction;
}

void
reaction_push_arguments(lua_State *L, int index)
{
    const struct reaction *reaction = noun_at(L, index, NOUN_REACTION);
    luaL_checkstack(L, reaction->count + 8, NULL);
    lua_getiuservalue(L, index, 2);
    int list = lua_gettop(L);
    for (int i = 1; i <= reaction->count; i++)
        lua_rawgeti(L, list, i);
    lua_remove(L, list);
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
    lua_rawgeti(L, LUA_REGISTRYINDEX, ls->rejected);
    lua_pushvalue(L, promise);
    lua_rawseti(L, -2, ++ls->rejected_count);
    lua_pop(L, 1);
}

/* The outcome is in its place. */
static void
settle(lua_State *L, int index, enum live_state state)
{
    struct live_promise *promise = live_promise_at(L, index);
    promise->state = state;
    promise->resolved = true;
    promise->queueing = false;
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
        slots_resolve(L, index);
}

void
live_promise_fulfil(lua_State *L, int index, int count)
{
    struct live_promise *promise = live_promise_at(L, index);
    if (promise->state != LIVE_PENDING) {
        lua_pop(L, count);
        return;
    }
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
        slots_forget(L, index);
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
        const struct reaction *reaction = noun_at(L, -1, NOUN_REACTION);
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
    lua_rawgeti(L, LUA_REGISTRYINDEX, ls->rejected);
    int list = lua_gettop(L);
    for (int i = 1; i <= ls->rejected_count; i++) {
        lua_rawgeti(L, list, i);
        if (!live_promise_at(L, -1)->handled) {
            lua_getiuservalue(L, -1, LIVE_OUTCOME);
            lua_pushfstring(L, "unhandled rejection: %s", fault_push_text(L, lua_gettop(L)));
            log_line(L, VAT_LOG_UNHANDLED, lua_tostring(L, -1), lua_rawlen(L, -1));
        }
        lua_settop(L, list);
        lua_pushnil(L);
        lua_rawseti(L, list, i);
    }
    ls->rejected_count = 0;
    lua_pop(L, 1);
}
