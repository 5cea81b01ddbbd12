/* Promises as vat code sees them: promise(), its library, and the methods of a promise. */
#include "vat/live/llive.h"

#include "value/marshal.h"
#include "vat/live/live_promise.h"
#include "vat/live/reaction.h"
#include "vat/machine/limit.h"
#include "vat/machine/sandbox.h"
#include "vat/noun/api.h"

#define LIST_MAX 1000000

static void
check_promise(lua_State *L, const char *method)
{
    if (live_promise_at(L, 1) == NULL)
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
    live_promise_push(L);
    reaction_push(L, kind);
    reaction_set(L, kind == REACTION_FINALLY ? REACTION_FUNCTION : REACTION_IF_FULFILLED, 2);
    if (kind == REACTION_CALLBACK)
        reaction_set(L, REACTION_IF_REJECTED, 3);
    reaction_set(L, REACTION_RESULT, 4);
    live_promise_attach(L, 1);
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
    return luaL_error(L,
        "a promise has no field %s: write E(p):method(...) to send to what it "
        "becomes, or await(p) to wait for it",
        luaL_tolstring(L, 2, NULL));
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
    live_promise_resolve(L, 1, count);
    return 0;
}

static int
l_reject_closure(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    if (live_promise_at(L, 1)->resolved)
        return 0;
    live_promise_reject(L, 1);
    return 0;
}

static int
l_promise(lua_State *L)
{
    live_promise_push(L);
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
    if (count == 1 && live_promise_at(L, 1) != NULL)
        return 1;
    live_promise_push(L);
    lua_insert(L, 1);
    live_promise_fulfil(L, 1, count);
    return 1;
}

static int
l_reject(lua_State *L)
{
    lua_settop(L, 1);
    live_promise_push(L);
    lua_insert(L, 1);
    live_promise_reject(L, 1);
    return 1;
}

static int
l_is(lua_State *L)
{
    lua_pushboolean(L, live_promise_at(L, 1) != NULL);
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
    live_promise_resolve(L, 1, 1);
    return 0;
}

/* Attaches to the promise on top, which it pops: the function on top of it when it is fulfilled,
   and the rejection of the promise at index. */
static void
attach_to_item(lua_State *L, int index)
{
    int item = lua_gettop(L) - 1;
    reaction_push(L, REACTION_CALLBACK);
    reaction_set(L, REACTION_IF_FULFILLED, item + 1);
    lua_pushvalue(L, index);
    lua_pushcclosure(L, l_reject_closure, 1);
    lua_setiuservalue(L, -2, REACTION_IF_REJECTED);
    live_promise_attach(L, item);
    lua_settop(L, item - 1);
}

/* Of the list at 1, which is left alone on the stack. A table with holes may claim any length. */
static lua_Integer
list_length(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    uint64_t length = lua_rawlen(L, 1);
    if (length > LIST_MAX)
        luaL_error(L, "a list of more than %d promises, the limit", LIST_MAX);
    limit_charge(L, length);
    return (lua_Integer)length;
}

/* promise.all(list): what is no promise stands for itself. */
static int
l_all(lua_State *L)
{
    lua_Integer count = list_length(L);
    live_promise_push(L);
    lua_createtable(L, (int)count, 0);
    lua_createtable(L, 1, 0);
    lua_Integer waiting = 0;
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        if (live_promise_at(L, -1) == NULL) {
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
        live_promise_fulfil(L, 2, 1);
    lua_settop(L, 2);
    return 1;
}

static int
l_race(lua_State *L)
{
    lua_Integer count = list_length(L);
    live_promise_push(L);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        if (live_promise_at(L, -1) == NULL) {
            live_promise_resolve(L, 2, 1);
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
lpromise_open(lua_State *L)
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
    api_push(L, "promise library", l_promise);
    lua_setglobal(L, "promise");
}
