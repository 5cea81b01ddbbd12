/* E(x):method(...), as vat code writes it. */
#include "vat/live/llive.h"

#include "value/errorvalue.h"
#include "vat/internal.h"
#include "vat/live/eventual.h"
#include "vat/live/live_promise.h"
#include "vat/machine/sandbox.h"
#include "vat/noun/api.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/remotable.h"

#define SENDS_MAX 100000 /* in one delivery */
#define SENDERS_MAX 1000 /* method names whose functions are kept */

/* What E(x) gives. */
struct proxy {
    enum noun noun;
    bool send_only;
};

enum proxy_value {
    PROXY_TARGET = 1, /* x */
};

static void
count_send(lua_State *L)
{
    if (vat_of(L)->run.send_count++ < SENDS_MAX)
        return;
    errorvalue_push(L, "LimitExceeded", "more than %d sends in one delivery, the limit", SENDS_MAX);
    lua_error(L);
}

/* x:method(...), where x is what E gave. Upvalue: the method's name. */
static int
l_send(lua_State *L)
{
    const struct proxy *proxy = noun_at(L, 1, NOUN_PROXY);
    const char *name = lua_tostring(L, lua_upvalueindex(1));
    if (proxy == NULL)
        return luaL_error(
            L, "a message needs a colon: write E(x):%s(...), not E(x).%s(...)", name, name);
    count_send(L);
    struct sending message = {.first = 2, .count = lua_gettop(L) - 1};
    luaL_checkstack(L, message.count + 24, NULL);
    message.name = message.count + 2;
    lua_pushvalue(L, lua_upvalueindex(1));
    if (!proxy->send_only) {
        live_promise_push(L);
        message.result = message.name + 1;
    }
    lua_getiuservalue(L, 1, PROXY_TARGET);
    int target = lua_gettop(L);
    eventual_send(L, target, &message);
    lua_settop(L, target - 1);
    return proxy->send_only ? 0 : 1;
}

/* The function for a method's name that was not used before. */
static int
l_new_sender(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "a method's name must be a string, got %s", luaL_typename(L, 2));
    eventual_check_name(L, 2);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, l_send, 1);
    if (ls->proxy_count < SENDERS_MAX) {
        ls->proxy_count++;
        lua_pushvalue(L, 2);
        lua_pushvalue(L, -2);
        lua_rawset(L, 1);
    }
    return 1;
}

/* Proxies */

static void
push_proxy(lua_State *L, int target, bool send_only)
{
    struct proxy *proxy = lua_newuserdatauv(L, sizeof *proxy, PROXY_TARGET);
    *proxy = (struct proxy){NOUN_PROXY, send_only};
    lua_pushvalue(L, target);
    lua_setiuservalue(L, -2, PROXY_TARGET);
    luaL_setmetatable(L, "E(x)");
}

/* Which user value of the target keeps its proxy; 0: none. */
static int
proxy_place(lua_State *L, int target)
{
    if (remotable_at(L, target) != NULL)
        return REMOTABLE_PROXY;
    return live_promise_at(L, target) != NULL ? LIVE_PROXY : 0;
}

static void
check_target(lua_State *L, int index, const char *name)
{
    if (lua_isnoneornil(L, index))
        luaL_error(L,
            "%s(nil): there is nothing to send to; is the variable set, was its value "
            "passed or awaited?",
            name);
    if (noun_at(L, index, NOUN_PROXY) != NULL)
        luaL_error(L, "%s(E(x)): E was called twice; write %s(x)", name, name);
}

/* E(x); the first argument is E itself. */
static int
l_E(lua_State *L)
{
    check_target(L, 2, "E");
    int place = proxy_place(L, 2);
    if (place == 0) {
        push_proxy(L, 2, false);
    } else if (lua_getiuservalue(L, 2, place) == LUA_TNIL) {
        push_proxy(L, 2, false);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 2, place);
    }
    return 1;
}

static int
l_send_only(lua_State *L)
{
    check_target(L, 1, "E.send_only");
    push_proxy(L, 1, true);
    return 1;
}

static int
l_proxy_frozen(lua_State *L)
{
    return luaL_error(L, "E(x) only sends: write E(x):method(...)");
}

static int
l_proxy_tostring(lua_State *L)
{
    lua_pushliteral(L, "E(x)");
    return 1;
}

static const luaL_Reg proxy_type[] = {
    {"__newindex", l_proxy_frozen},
    {"__call", l_proxy_frozen},
    {"__tostring", l_proxy_tostring},
    {NULL, NULL},
};

static const luaL_Reg e_functions[] = {
    {"send_only", l_send_only},
    {NULL, NULL},
};

void
leventual_open(lua_State *L)
{
    sandbox_type(L, "E(x)", proxy_type);
    luaL_getmetatable(L, "E(x)");
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_new_sender);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, e_functions);
    api_push(L, "E", l_E);
    lua_setglobal(L, "E");
}
