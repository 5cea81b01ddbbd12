/* Promises in a vat, whoever settles them.
 *
 * A promise has a word from its export or import until it is settled; the kernel then forgets the
 * word, and so do we. What its fields may say together:
 *
 *   state    resolved  known  remote  word   it
 *   pending  no        no     no      none   is nobody else's affair
 *   pending  no        no     no      some   is named by a body that is not recorded yet; or never,
 *                                            when something else in it could not be passed
 *   pending  no        yes    no      some   is exported: this vat decides it
 *   pending  no        yes    yes     some   is decided by somebody else: a notify will tell
 *   pending  yes       any    no      any    follows another one, which says how it settles
 *   settled  yes       yes    any     some   settles: the kernel is being told, or has just told us
 *   settled  yes       no     any     any    is settled
 *
 * Known is never without a word. Queueing is for the pending ones alone; count is 0 but for the
 * fulfilled. Handled only ever becomes true. */
#ifndef VAT_LIVE_LIVE_PROMISE_H
#define VAT_LIVE_LIVE_PROMISE_H

#include <stdbool.h>
#include <stdint.h>

#include "vat/noun/noun.h"

enum live_state { LIVE_PENDING, LIVE_FULFILLED, LIVE_REJECTED };

struct live_promise {
    enum noun noun;
    enum live_state state;
    bool known;    /* the kernel knows it under its word */
    bool remote;   /* somebody else settles it: a notify will tell */
    bool resolved; /* settled, or it follows another one: nothing can change its way */
    bool handled;  /* somebody would hear of a rejection */
    bool queueing; /* messages wait in its reactions; more must wait behind them */
    int count;     /* of values, when it is fulfilled */
    uint32_t late; /* the delivery in which its reactions are told BudgetExceeded instead */
    uint64_t word;
};

/* Its user values. */
enum live_value {
    LIVE_OUTCOME = 1, /* pending: the promise that it follows, or nil; fulfilled with one value:
                         that; with another number of them: a list; rejected: the reason */
    LIVE_REACTIONS,   /* nil, one reaction, or a list of them: see reaction.h */
    LIVE_PROXY,       /* what E gave for it */
};

struct live_promise *live_promise_at(lua_State *L, int index); /* NULL: it is none */
struct live_promise *live_promise_push(lua_State *L);          /* a new one, nobody else's */
/* A new one that somebody else decides. */
struct live_promise *live_promise_push_import(lua_State *L, uint64_t word);
/* A new one for the result of a message, which this vat decides. */
struct live_promise *live_promise_push_result(lua_State *L, uint64_t word);

/* Whose affair it is. */
void live_promise_name(lua_State *L, int index);           /* gives it a word, if it has none */
void live_promise_hand_over(struct live_promise *promise); /* others decide it; it has a word */
void live_promise_take_over(struct live_promise *promise); /* this vat decides it from now on */
void live_promise_forget(lua_State *L, int index);         /* its word: the kernel has */
/* It is late when its reactions are told that the first attempt of this delivery met a limit. */
bool live_promise_is_late(lua_State *L, const struct live_promise *promise);

/* Settle with the values on top of the stack, which they pop. They do nothing to a promise that is
   settled. A single promise among live_promise_resolve's values is followed. */
void live_promise_resolve(lua_State *L, int index, int count);
void live_promise_fulfil(lua_State *L, int index, int count);
void live_promise_reject(lua_State *L, int index);
/* The same way as this one went, which is settled. */
void live_promise_copy(lua_State *L, int index, int from);
void live_promise_follow(lua_State *L, int index, int other);
/* The promise that it follows in the end, pushed; itself when it follows none. */
struct live_promise *live_promise_push_end(lua_State *L, int index);
/* Adds the reaction on top of the stack, and pops it; a job when it is settled. */
void live_promise_attach(lua_State *L, int index);
int live_promise_push_values(lua_State *L, int index); /* or the reason; how many */
/* Logs the rejections of this delivery that nobody handles. */
void live_promise_report(lua_State *L);

#endif
