#include "vat/live/eventual.h"

#include "base/utf8.h"
#include "value/errorvalue.h"
#include "vat/live/fault.h"
#include "vat/live/job.h"
#include "vat/live/live_promise.h"
#include "vat/live/outgoing.h"
#include "vat/live/reaction.h"
#include "vat/live/settled.h"
#include "vat/live/sink.h"
#include "vat/live/slots.h"
#include "vat/noun/remotable.h"

#include <assert.h>

#define METHOD_MAX 256 /* bytes of a method's name */

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
        live_promise_name(L, message->result);
        live_promise_hand_over(result);
        word = result->word;
    }
    outgoing_send(L, target, name_at(L, message->name), word);
    if (word != 0)
        outgoing_subscribe(L, word);
    slots_commit(L);
    settled_tell_exports(L);
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
    reaction_set(L, REACTION_METHOD, message->name);
    lua_createtable(L, message->count, 0);
    for (int i = 0; i < message->count; i++) {
        lua_pushvalue(L, message->first + i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setiuservalue(L, -2, REACTION_ARGUMENTS);
    if (message->result != 0)
        reaction_set(L, REACTION_RESULT, message->result);
    return reaction;
}

static void
push_turn(lua_State *L, int target, const struct sending *message)
{
    push_reaction(L, REACTION_TURN, message);
    reaction_set(L, REACTION_TARGET, target);
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

/* To a value at this index, which is no promise; to an object of this vat, copied arguments. */
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
    const struct reaction *reaction = reaction_at(L, index);
    struct sending message = {.name = top + 1, .count = reaction->count};
    lua_getiuservalue(L, index, REACTION_METHOD);
    if (lua_getiuservalue(L, index, REACTION_RESULT) != LUA_TNIL)
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
    lua_getiuservalue(L, index, REACTION_ARGUMENTS);
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
    struct reaction *reaction = reaction_at(L, index);
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
        lua_getiuservalue(L, index, REACTION_RESULT);
        lua_insert(L, top + 1);
        sink_reject(L, top + 1, false);
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

void
eventual_send(lua_State *L, int target, const struct sending *message)
{
    assert(message->count >= 0 && lua_type(L, message->name) == LUA_TSTRING);
    assert(message->result == 0 || live_promise_at(L, message->result)->state == LIVE_PENDING);
    if (live_promise_at(L, target) != NULL) {
        send_to_promise(L, target, message);
        return;
    }
    if (noun_at(L, target, NOUN_REMOTABLE) != NULL)
        slots_copy(L, message->first, message->count, "args", true);
    send_to_value(L, target, message);
}

void
eventual_check_name(lua_State *L, int index)
{
    struct bytes name = name_at(L, index);
    if (name.size > METHOD_MAX || !utf8_is_valid(name))
        luaL_error(L, "a method's name must be UTF-8 of at most %d bytes", METHOD_MAX);
}
