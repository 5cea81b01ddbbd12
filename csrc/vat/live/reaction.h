/* What happens when a promise settles. Reactions of a promise are these, a coroutine, which awaits
 * it, and a promise, which follows it. Vat code never sees one. */
#ifndef VAT_LIVE_REACTION_H
#define VAT_LIVE_REACTION_H

#include <stdbool.h>

#include "vat/noun/noun.h"

enum reaction_kind {
    REACTION_CALLBACK,
    REACTION_FINALLY,
    REACTION_PASS, /* after finally's function gave a promise */
    REACTION_SEND, /* a message to what the promise becomes */
    REACTION_TURN, /* a message to its target. A job, never attached */
};

struct reaction {
    enum noun noun;
    enum reaction_kind kind;
    int count;    /* of arguments, in a list */
    bool outcome; /* the first two say how a promise settled */
};

/* User values, by kind. */
enum reaction_value {
    /* CALLBACK: functions or nil */
    REACTION_IF_FULFILLED = 1,
    REACTION_IF_REJECTED = 2,
    /* FINALLY and PASS */
    REACTION_FUNCTION = 1, /* FINALLY alone */
    REACTION_FIRST = 2,    /* the promise whose way it goes; of FINALLY once the function runs */
    /* SEND and TURN */
    REACTION_METHOD = 1, /* the name */
    REACTION_ARGUMENTS = 2,
    REACTION_TARGET = 4, /* TURN alone: as it is now */
    /* all: the promise for what comes of it; nil: nobody asked */
    REACTION_RESULT = 3,
};

struct reaction *reaction_push(lua_State *L, enum reaction_kind kind);
struct reaction *reaction_at(lua_State *L, int index); /* NULL: it is none */
/* Sets a user value of the reaction on top to the value at index. */
void reaction_set(lua_State *L, enum reaction_value value, int index);
void reaction_push_arguments(lua_State *L, int index); /* of a SEND or TURN */

#endif
