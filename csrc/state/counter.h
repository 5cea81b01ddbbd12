/* The last numbers that were given out, and other numbers of the whole kernel. */
#ifndef STATE_COUNTER_H
#define STATE_COUNTER_H

#include "base/numbers.h"
#include "state/state.h"

enum counter {
    COUNTER_VAT,
    COUNTER_CLUSTER,
    COUNTER_OBJECT,
    COUNTER_PROMISE,
    COUNTER_SEQ,     /* of the queue */
    COUNTER_CRANK,   /* cranks done */
    COUNTER_TURN,    /* what had a turn beside the queue: see kernel/crank.h */
    COUNTER_LOOK,    /* the seq at which object cycles were last looked for */
    COUNTER_OPENING, /* openings that found something left over of one before */
    COUNTER_COUNT,
};

/* The next number of its kind, counting from 1. */
uint64_t counter_next(struct state *state, enum counter counter);
void counter_set(struct state *state, enum counter counter, uint64_t value);
/* Adds the numbers of the rows that a statement gives, ascending, but for those that were never
   given out: rows with them are damaged. */
void counter_numbers(struct state *state, enum counter counter, enum statement statement,
    struct number_list *numbers);
uint64_t counter_last(const struct state *state, enum counter counter);

struct counters {
    uint64_t now[COUNTER_COUNT];
    uint64_t stored[COUNTER_COUNT]; /* as the open transaction has them */
    uint64_t undo[COUNTER_COUNT];   /* as they were when the crank began */
};

#define COUNTER_ABSENT UINT64_MAX /* the database has no row of it yet */

/* For state.c. Reads what the database has, and checks that no row has a number still to come. */
void counter_load_all(struct state *state);
bool counter_is_dirty(const struct state *state);
void counter_flush(struct state *state); /* writes those that changed */
void counter_begin(struct state *state);
void counter_undo(struct state *state);

#endif
