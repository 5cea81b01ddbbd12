/* How promises come from the database into memory: each with its subscribers, its entries and what
 * is parked on it, and with all that are linked to it by following. */
#ifndef STATE_PROMISE_LOAD_H
#define STATE_PROMISE_LOAD_H

#include "state/promise.h"

/* The row in memory, which may be dead; NULL when it is not there. */
struct promise *promise_load_find(struct state *state, uint64_t id);
/* Loads a promise, with all that are linked to it by following: a link in memory is never to a
   row that is not. Such a chain may be longer than the C stack. */
void promise_load(struct state *state, uint64_t id);

#endif
