/* Promises in a vat, whoever settles them. */
#include "vat/liveslots.h"

struct promise *
promise_at(lua_State *L, int index)
{
    return noun_at(L, index, NOUN_PROMISE);
}

struct promise *
promise_push(lua_State *L)
{
    struct promise *promise = lua_newuserdatauv(L, sizeof *promise, VALUE_PROXY);
    *promise = (struct promise){.noun = NOUN_PROMISE};
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
    int type = lua_getiuservalue(L, promise, VALUE_REACTIONS);
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        lua_setiuservalue(L, promise, VALUE_REACTIONS);
        return;
    }
    if (type != LUA_TTABLE) {
        lua_createtable(L, 2, 0);
        lua_insert(L, -2);
        lua_rawseti(L, -2, 1);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, promise, VALUE_REACTIONS);
    }
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

void
promise_attach(lua_State *L, int index)
{
    struct promise *promise = promise_at(L, index);
    promise->handled = true;
    if (promise->state == PROMISE_PENDING) {
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
    int type = lua_getiuservalue(L, promise, VALUE_REACTIONS);
    if (type == LUA_TNIL)
        return;
    lua_pushnil(L);
    lua_setiuservalue(L, promise, VALUE_REACTIONS);
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
settle(lua_State *L, int index, enum promise_state state)
{
    struct promise *promise = promise_at(L, index);
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
    if (state == PROMISE_REJECTED && !promise->handled)
        note_rejected(L, index);
    if (promise->known && !promise->remote)
        slots_resolve(L, index);
}

void
promise_fulfil(lua_State *L, int index, int count)
{
    struct promise *promise = promise_at(L, index);
    if (promise->state != PROMISE_PENDING) {
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
    lua_setiuservalue(L, index, VALUE_OUTCOME);
    settle(L, index, PROMISE_FULFILLED);
}

void
promise_reject(lua_State *L, int index)
{
    if (promise_at(L, index)->state != PROMISE_PENDING) {
        lua_pop(L, 1);
        return;
    }
    lua_setiuservalue(L, index, VALUE_OUTCOME);
    settle(L, index, PROMISE_REJECTED);
}

void
promise_copy(lua_State *L, int index, int from)
{
    struct promise *promise = promise_at(L, index);
    struct promise *model = promise_at(L, from);
    model->handled = true;
    if (promise->state != PROMISE_PENDING)
        return;
    promise->count = model->count;
    promise->late = model->late;
    lua_getiuservalue(L, from, VALUE_OUTCOME);
    lua_setiuservalue(L, index, VALUE_OUTCOME);
    settle(L, index, model->state);
}

int
promise_push_values(lua_State *L, int index)
{
    const struct promise *promise = promise_at(L, index);
    if (promise->state == PROMISE_REJECTED || promise->count == 1) {
        lua_getiuservalue(L, index, VALUE_OUTCOME);
        return 1;
    }
    if (promise->count == 0)
        return 0;
    luaL_checkstack(L, promise->count + 8, NULL);
    lua_getiuservalue(L, index, VALUE_OUTCOME);
    int list = lua_gettop(L);
    for (int i = 1; i <= promise->count; i++)
        lua_rawgeti(L, list, i);
    lua_remove(L, list);
    return promise->count;
}

/* Following */

struct promise *
promise_push_end(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    struct promise *promise = promise_at(L, -1);
    while (promise->state == PROMISE_PENDING) {
        lua_getiuservalue(L, -1, VALUE_OUTCOME);
        struct promise *next = promise_at(L, -1);
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
redirect(lua_State *L, int index, const struct promise *end)
{
    struct promise *promise = promise_at(L, index);
    if (promise->known && !promise->remote) {
        syscall_follow(L, promise->word, end->word);
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
        } else if (promise_at(L, -1) != NULL) {
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
promise_follow(lua_State *L, int index, int other)
{
    struct promise *promise = promise_at(L, index);
    struct promise *end = promise_push_end(L, other);
    int top = lua_gettop(L);
    if (end == promise) {
        marshal_push_error(L, "Error", "a promise cannot follow itself");
        lua_pushnil(L);
        lua_setiuservalue(L, index, VALUE_OUTCOME);
        promise_reject(L, index);
    } else if (end->state != PROMISE_PENDING) {
        promise_copy(L, index, top);
    } else {
        promise->resolved = true;
        lua_pushvalue(L, top);
        lua_setiuservalue(L, index, VALUE_OUTCOME);
        lua_pushvalue(L, index);
        promise_attach(L, top);
        if (end->remote)
            redirect(L, index, end);
    }
    lua_settop(L, top - 1);
}

void
promise_resolve(lua_State *L, int index, int count)
{
    if (promise_at(L, index)->resolved) {
        lua_pop(L, count);
    } else if (count == 1 && promise_at(L, -1) != NULL) {
        promise_follow(L, index, lua_gettop(L));
        lua_pop(L, 1);
    } else {
        promise_fulfil(L, index, count);
    }
}

void
promise_report(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    if (ls->rejected_count == 0)
        return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, ls->rejected);
    int list = lua_gettop(L);
    for (int i = 1; i <= ls->rejected_count; i++) {
        lua_rawgeti(L, list, i);
        if (!promise_at(L, -1)->handled) {
            lua_getiuservalue(L, -1, VALUE_OUTCOME);
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

/* What vat code sees */

static void
check_promise(lua_State *L, const char *method)
{
    if (promise_at(L, 1) == NULL)
        luaL_error(L, "p:%s(...): p must be a promise, got %s; mind the colon", method,
            luaL_typename(L, 1));
}

static void
check_callback(lua_State *L, int index, const char *usage, const char *name)
{
    int type = lua_type(L, index);
    if (type != LUA_TFUNCTION && type != LUA_TNIL && type != LUA_TNONE)
        luaL_error(L, "%s: %s must be a function, got %s", usage, name, lua_typename(L, type));
}

/* Attaches the callbacks at 2 and 3 to the promise at 1, and leaves the promise for what they
   give. */
static int
attach_callbacks(lua_State *L, enum reaction_kind kind)
{
    lua_settop(L, 3);
    promise_push(L);
    reaction_push(L, kind);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, -2, 2);
    lua_pushvalue(L, 4);
    lua_setiuservalue(L, -2, 3);
    promise_attach(L, 1);
    return 1;
}

static int
l_next(lua_State *L)
{
    check_promise(L, "next");
    check_callback(L, 2, "p:next(ok, err)", "ok");
    check_callback(L, 3, "p:next(ok, err)", "err");
    return attach_callbacks(L, REACTION_CALLBACK);
}

static int
l_catch(lua_State *L)
{
    check_promise(L, "catch");
    check_callback(L, 2, "p:catch(err)", "err");
    lua_settop(L, 2);
    lua_pushnil(L);
    lua_insert(L, 2);
    return attach_callbacks(L, REACTION_CALLBACK);
}

static int
l_finally(lua_State *L)
{
    check_promise(L, "finally");
    luaL_argexpected(L, lua_isfunction(L, 2), 2, "function");
    lua_settop(L, 2);
    return attach_callbacks(L, REACTION_FINALLY);
}

static int
l_unknown(lua_State *L)
{
    return luaL_error(L, "a promise has no field %s: write E(p):method(...) to send to what it "
                         "becomes, or await(p) to wait for it", luaL_tolstring(L, 2, NULL));
}

static int
l_frozen(lua_State *L)
{
    return luaL_error(L, "a promise cannot be changed");
}

static int
l_promise_tostring(lua_State *L)
{
    lua_pushliteral(L, "<promise>");
    return 1;
}

static int
l_resolve_closure(lua_State *L)
{
    int count = lua_gettop(L);
    if (count > MARSHAL_VALUE_MAX)
        return luaL_error(L, "resolve: more than %d values", MARSHAL_VALUE_MAX);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    promise_resolve(L, 1, count);
    return 0;
}

static int
l_reject_closure(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    if (promise_at(L, 1)->resolved)
        return 0;
    promise_reject(L, 1);
    return 0;
}

static int
l_promise(lua_State *L)
{
    promise_push(L);
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, l_resolve_closure, 1);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, l_reject_closure, 1);
    return 3;
}

static int
l_resolve(lua_State *L)
{
    int count = lua_gettop(L);
    if (count == 1 && promise_at(L, 1) != NULL)
        return 1;
    promise_push(L);
    lua_insert(L, 1);
    promise_fulfil(L, 1, count);
    return 1;
}

static int
l_reject(lua_State *L)
{
    lua_settop(L, 1);
    promise_push(L);
    lua_insert(L, 1);
    promise_reject(L, 1);
    return 1;
}

static int
l_is(lua_State *L)
{
    lua_pushboolean(L, promise_at(L, 1) != NULL);
    return 1;
}

/* One of promise.all's promises is fulfilled. Upvalues: the values, its index, { how many are
   still to come }, the promise for all. */
static int
l_one_of_all(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_rawset(L, lua_upvalueindex(1));
    lua_rawgeti(L, lua_upvalueindex(3), 1);
    lua_Integer left = lua_tointeger(L, -1) - 1;
    lua_pushinteger(L, left);
    lua_rawseti(L, lua_upvalueindex(3), 1);
    if (left > 0)
        return 0;
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(4));
    lua_pushvalue(L, lua_upvalueindex(1));
    promise_resolve(L, 1, 1);
    return 0;
}

/* Attaches to the promise on top, which it pops: the function on top of it when it is fulfilled,
   and the rejection of the promise at index. */
static void
attach_to_item(lua_State *L, int index)
{
    int item = lua_gettop(L) - 1;
    reaction_push(L, REACTION_CALLBACK);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, index);
    lua_pushcclosure(L, l_reject_closure, 1);
    lua_setiuservalue(L, -2, 2);
    promise_attach(L, item);
    lua_settop(L, item - 1);
}

/* promise.all(list): what is no promise stands for itself. */
static int
l_all(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 1);
    lua_settop(L, 1);
    promise_push(L);
    lua_createtable(L, (int)count, 0);
    lua_createtable(L, 1, 0);
    lua_Integer waiting = 0;
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        if (promise_at(L, -1) == NULL) {
            lua_rawseti(L, 3, i);
            continue;
        }
        waiting++;
        lua_pushvalue(L, 3);
        lua_pushinteger(L, i);
        lua_pushvalue(L, 4);
        lua_pushvalue(L, 2);
        lua_pushcclosure(L, l_one_of_all, 4);
        attach_to_item(L, 2);
    }
    lua_pushinteger(L, waiting);
    lua_rawseti(L, 4, 1);
    lua_settop(L, 3);
    if (waiting == 0)
        promise_fulfil(L, 2, 1);
    lua_settop(L, 2);
    return 1;
}

static int
l_race(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 1);
    lua_settop(L, 1);
    promise_push(L);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        if (promise_at(L, -1) == NULL) {
            promise_resolve(L, 2, 1);
            continue;
        }
        lua_pushvalue(L, 2);
        lua_pushcclosure(L, l_resolve_closure, 1);
        attach_to_item(L, 2);
    }
    return 1;
}

static const luaL_Reg promise_methods[] = {
    {"next", l_next},
    {"catch", l_catch},
    {"finally", l_finally},
    {NULL, NULL},
};

static const luaL_Reg promise_type[] = {
    {"__newindex", l_frozen},
    {"__tostring", l_promise_tostring},
    {NULL, NULL},
};

static const luaL_Reg library_functions[] = {
    {"resolve", l_resolve},
    {"reject", l_reject},
    {"all", l_all},
    {"race", l_race},
    {"is", l_is},
    {NULL, NULL},
};

void
promise_open(lua_State *L)
{
    sandbox_type(L, "promise", promise_type);
    luaL_getmetatable(L, "promise");
    luaL_newlib(L, promise_methods);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_unknown);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, library_functions);
    liveslots_push_api(L, "promise library", l_promise);
    lua_setglobal(L, "promise");
}
