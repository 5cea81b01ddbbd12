#include "vat/live/sink.h"

#include "vat/live/fault.h"
#include "vat/live/live_promise.h"
#include "vat/live/outgoing.h"
#include "vat/live/reaction.h"
#include "vat/live/settled.h"

#include <assert.h>

enum sink
sink_at(lua_State *L, int index)
{
    if (lua_isnil(L, index))
        return SINK_NONE;
    if (lua_isinteger(L, index))
        return SINK_WORD;
    if (live_promise_at(L, index) != NULL)
        return SINK_PROMISE;
    assert(reaction_at(L, index) != NULL && reaction_at(L, index)->kind == REACTION_FINALLY);
    return SINK_FINALLY;
}

static uint64_t
word_at(lua_State *L, int index)
{
    return (uint64_t)lua_tointeger(L, index);
}

/* A single promise, on top, came out of the turn whose result only the kernel knows. */
static void
conclude_with_promise(lua_State *L, uint64_t word)
{
    int top = lua_gettop(L);
    struct live_promise *end = live_promise_push_end(L, top);
    end->handled = true;
    live_promise_at(L, top)->handled = true;
    if (end->state != LIVE_PENDING) {
        int count = live_promise_push_values(L, top + 1);
        settled_tell_word(L, word, end->state, count);
    } else if (end->remote) {
        outgoing_follow(L, word, end->word);
    } else {
        live_promise_push_result(L, word);
        live_promise_follow(L, top + 2, top + 1);
    }
}

static void
conclude_word(lua_State *L, uint64_t word, int count)
{
    if (count == 1 && live_promise_at(L, -1) != NULL)
        conclude_with_promise(L, word);
    else
        settled_tell_word(L, word, LIVE_FULFILLED, count);
}

/* finally's function returned: the promise goes the way of the first, once a promise that the
   function gave has been fulfilled. */
static void
conclude_finally(lua_State *L, int sink, int count)
{
    int value = lua_gettop(L);
    reaction_push(L, REACTION_PASS);
    int pass = value + 1;
    lua_getiuservalue(L, sink, REACTION_FIRST);
    assert(live_promise_at(L, -1)->state != LIVE_PENDING);
    lua_setiuservalue(L, pass, REACTION_FIRST);
    lua_getiuservalue(L, sink, REACTION_RESULT);
    lua_setiuservalue(L, pass, REACTION_RESULT);
    if (count == 1 && live_promise_at(L, value) != NULL) {
        live_promise_attach(L, value);
        return;
    }
    lua_getiuservalue(L, pass, REACTION_FIRST);
    lua_getiuservalue(L, pass, REACTION_RESULT);
    live_promise_copy(L, pass + 2, pass + 1);
}

void
sink_conclude(lua_State *L, int sink, int count)
{
    switch (sink_at(L, sink)) {
    case SINK_NONE:
        break;
    case SINK_WORD:
        conclude_word(L, word_at(L, sink), count);
        break;
    case SINK_PROMISE:
        live_promise_resolve(L, sink, count);
        break;
    case SINK_FINALLY:
        conclude_finally(L, sink, count);
        break;
    }
}

void
sink_reject(lua_State *L, int sink, bool logged)
{
    switch (sink_at(L, sink)) {
    case SINK_NONE:
        if (!logged)
            fault_log_unhandled(L, lua_gettop(L));
        break;
    case SINK_WORD:
        settled_tell_word(L, word_at(L, sink), LIVE_REJECTED, 1);
        break;
    case SINK_PROMISE:
        live_promise_reject(L, sink);
        break;
    case SINK_FINALLY:
        lua_getiuservalue(L, sink, REACTION_RESULT);
        lua_insert(L, -2);
        live_promise_reject(L, lua_gettop(L) - 1);
        break;
    }
}
