/* E(x):method(...): messages, to wherever x is or will be. */
#include "vat/live/liveslots.h"

#include "base/cbor.h"
#include "base/utf8.h"
#include "value/errorvalue.h"

#define SENDS_MAX 100000 /* in one delivery */
#define METHOD_MAX 256   /* bytes of a method's name */
#define SENDERS_MAX 1000 /* method names whose functions are kept */

/* What E(x) gives. User value: x. */
struct proxy {
    enum noun noun;
    bool send_only;
};

/* A message on its way, on the stack of the vat code that sends it. */
struct sending {
    int name;  /* stack index of the method's name */
    int first; /* of the arguments */
    int count;
    int result; /* of a promise; 0: none is wanted */
};

static struct bytes
name_at(lua_State *L, int index)
{
    struct bytes name;
    name.data = (const uint8_t *)lua_tolstring(L, index, &name.size);
    return name;
}

/* The message leaves the vat. */
static void
send_out(lua_State *L, uint64_t target, const struct sending *message)
{
    uint64_t word = 0;
    slots_encode(L, message->first, message->count, "args", true);
    if (message->result != 0) {
        struct live_promise *result = live_promise_at(L, message->result);
        slots_name_promise(L, message->result);
        result->known = true;
        result->remote = true;
        word = result->word;
    }
    outgoing_send(L, target, name_at(L, message->name), word);
    if (word != 0)
        outgoing_subscribe(L, word);
    slots_commit(L);
    slots_resolve_exports(L);
}

/* The same for a result that vat code has had for a while, and may have passed on. */
static void
send_late(lua_State *L, uint64_t target, struct sending message)
{
    int result = message.result;
    if (result == 0 || live_promise_at(L, result)->word == 0) {
        send_out(L, target, &message);
        return;
    }
    live_promise_push(L);
    message.result = lua_gettop(L);
    send_out(L, target, &message);
    live_promise_follow(L, result, message.result);
    lua_pop(L, 1);
}

/* Makes a reaction of the message, pushed; its arguments were copied already. */
static struct reaction *
push_reaction(lua_State *L, enum reaction_kind kind, const struct sending *message)
{
    struct reaction *reaction = reaction_push(L, kind);
    reaction->count = message->count;
    lua_pushvalue(L, message->name);
    lua_setiuservalue(L, -2, 1);
    lua_createtable(L, message->count, 0);
    for (int i = 0; i < message->count; i++) {
        lua_pushvalue(L, message->first + i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setiuservalue(L, -2, 2);
    if (message->result != 0) {
        lua_pushvalue(L, message->result);
        lua_setiuservalue(L, -2, 3);
    }
    return reaction;
}

static void
push_turn(lua_State *L, int target, const struct sending *message)
{
    push_reaction(L, REACTION_TURN, message);
    lua_pushvalue(L, target);
    lua_setiuservalue(L, -2, 4);
    job_push(L, lua_gettop(L), 0);
    lua_pop(L, 1);
}

static void
reject_message(lua_State *L, const struct sending *message, const char *error, const char *text)
{
    if (message->result == 0)
        return;
    errorvalue_push(L, error, text, lua_tostring(L, message->name));
    live_promise_reject(L, message->result);
}

/* To a value at this index, which is no promise. */
static void
send_to_value(lua_State *L, int target, const struct sending *message)
{
    const struct remotable *object = noun_at(L, target, NOUN_PRESENCE);
    if (object != NULL && object->word != 0)
        send_late(L, object->word, *message);
    else if (object != NULL)
        reject_message(L, message, "ObjectAbandoned", "object abandoned");
    else if (noun_at(L, target, NOUN_REMOTABLE) != NULL)
        push_turn(L, target, message);
    else
        reject_message(L, message, "NotCallable", "data is not callable, has no method %s");
}

/* The reaction at 1, whose promise is at 2. */
static int
p_forward(lua_State *L)
{
    const int index = 1, promise = 2, top = 2;
    const struct reaction *reaction = noun_at(L, index, NOUN_REACTION);
    struct sending message = {.name = top + 1, .count = reaction->count};
    lua_getiuservalue(L, index, 1);
    if (lua_getiuservalue(L, index, 3) != LUA_TNIL)
        message.result = top + 2;
    message.first = top + 3;
    reaction_push_arguments(L, index);
    struct live_promise *end = live_promise_push_end(L, promise);
    int target = lua_gettop(L);
    if (end->state == LIVE_PENDING) {
        send_late(L, end->word, message);
    } else if (end->state == LIVE_REJECTED) {
        if (message.result != 0)
            live_promise_copy(L, message.result, target);
    } else if (end->count != 1) {
        reject_message(L, &message, "NotCallable", "data is not callable, has no method %s");
    } else {
        lua_getiuservalue(L, target, LIVE_OUTCOME);
        send_to_value(L, target + 1, &message);
    }
    return 0;
}

/* The reason on top takes the place of the outcome that the reaction tells. */
static void
tell_reason(lua_State *L, int index)
{
    lua_getiuservalue(L, index, 2);
    lua_insert(L, -2);
    lua_rawseti(L, -2, 2);
    lua_pushboolean(L, false);
    lua_rawseti(L, -2, 1);
}

/* Its arguments could be copied, but may be too large for the kernel: what a watch adds to them,
   and the names of references' interfaces, come on top. */
void
eventual_forward(lua_State *L, int index, int promise)
{
    int top = lua_gettop(L);
    struct reaction *reaction = noun_at(L, index, NOUN_REACTION);
    lua_pushcfunction(L, p_forward);
    lua_pushvalue(L, index);
    lua_pushvalue(L, promise);
    if (lua_pcall(L, 2, 0, 0) == LUA_OK)
        return;
    fault_make_reason(L);
    if (reaction->outcome) {
        reaction->outcome = false;
        tell_reason(L, index);
        eventual_forward(L, index, promise);
    } else {
        lua_getiuservalue(L, index, 3);
        lua_insert(L, top + 1);
        job_reject(L, top + 1);
    }
    lua_settop(L, top);
}

/* Later messages never overtake earlier ones to the same promise. */
static void
send_to_promise(lua_State *L, int target, const struct sending *message)
{
    struct live_promise *promise = live_promise_at(L, target);
    struct live_promise *end = live_promise_push_end(L, target);
    lua_pop(L, 1);
    if (end->state == LIVE_PENDING && end->remote && !promise->queueing) {
        promise->handled = end->handled = true;
        send_out(L, end->word, message);
        return;
    }
    slots_copy(L, message->first, message->count, "args", true);
    push_reaction(L, REACTION_SEND, message);
    if (promise->state == LIVE_PENDING)
        promise->queueing = true;
    live_promise_attach(L, target);
}

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
    lua_getiuservalue(L, 1, 1);
    int target = lua_gettop(L);
    if (noun_at(L, target, NOUN_PROMISE) != NULL) {
        send_to_promise(L, target, &message);
    } else {
        if (noun_at(L, target, NOUN_REMOTABLE) != NULL)
            slots_copy(L, message.first, message.count, "args", true);
        send_to_value(L, target, &message);
    }
    lua_settop(L, target - 1);
    return proxy->send_only ? 0 : 1;
}

void
eventual_check_name(lua_State *L, int index)
{
    struct bytes name = name_at(L, index);
    if (name.size > METHOD_MAX || !utf8_is_valid(name))
        luaL_error(L, "a method's name must be UTF-8 of at most %d bytes", METHOD_MAX);
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
    struct proxy *proxy = lua_newuserdatauv(L, sizeof *proxy, 1);
    *proxy = (struct proxy){NOUN_PROXY, send_only};
    lua_pushvalue(L, target);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, "E(x)");
}

/* Which user value of the target keeps its proxy; 0: none. */
static int
proxy_place(lua_State *L, int target)
{
    if (noun_at(L, target, NOUN_PRESENCE) != NULL || noun_at(L, target, NOUN_REMOTABLE) != NULL)
        return 2;
    return noun_at(L, target, NOUN_PROMISE) != NULL ? LIVE_PROXY : 0;
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
eventual_open(lua_State *L)
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
    liveslots_push_api(L, "E", l_E);
    lua_setglobal(L, "E");
}
