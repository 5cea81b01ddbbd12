#include "state/counter.h"

#include "state/internal.h"
#include "state/rows/columns.h"
#include "store/query.h"

#include <assert.h>
#include <string.h>

static const char *const counter_names[COUNTER_COUNT] = {
    "vat", "cluster", "object", "promise", "seq", "crank", "turn", "look", "opening"};

/* No file has a larger one: what a program gives out in its life stays a sane number. */
#define LAST_MAX ((uint64_t)NUMBER_MAX / 2)

static void
load_counters(struct state *state)
{
    for (int i = 0; i < COUNTER_COUNT; i++)
        state->counters.stored[i] = COUNTER_ABSENT;
    struct query *query = db_query(state->db, STATEMENT_COUNTERS);
    while (query_next(query)) {
        for (int i = 0; i < COUNTER_COUNT; i++) {
            if (!bytes_equal(query_bytes(query, 0), bytes_of(counter_names[i])))
                continue;
            state->counters.now[i] = state->counters.stored[i] = (uint64_t)query_integer(query, 1);
            if (!columns_sane(query_integer(query, 1)) || state->counters.now[i] > LAST_MAX)
                db_damaged(state->db, "meta", i);
        }
    }
    query_end(query);
}

/* No row has a number that is still to be given. For a reader these are several reads, between
   which another process may write. */
static void
check_numbers(struct state *state)
{
    static const struct {
        const char *table;
        enum statement last;
        enum counter counter;
    } numbered[] = {
        {"vat", STATEMENT_VAT_LAST, COUNTER_VAT},
        {"cluster", STATEMENT_CLUSTER_LAST, COUNTER_CLUSTER},
        {"object", STATEMENT_OBJECT_LAST, COUNTER_OBJECT},
        {"promise", STATEMENT_PROMISE_LAST, COUNTER_PROMISE},
        {"queue", STATEMENT_QUEUE_LAST, COUNTER_SEQ},
    };
    size_t count = db_is_writable(state->db) ? sizeof numbered / sizeof *numbered : 0;
    for (size_t i = 0; i < count; i++) {
        struct query *query = db_query(state->db, numbered[i].last);
        int64_t last = query_next(query) ? query_integer(query, 0) : 0;
        query_end(query);
        if (last > (int64_t)state->counters.now[numbered[i].counter])
            db_damaged(state->db, numbered[i].table, last);
    }
}

bool
counter_is_dirty(const struct state *state)
{
    const struct counters *counters = &state->counters;
    for (int i = 0; i < COUNTER_COUNT; i++) {
        uint64_t stored = counters->stored[i] == COUNTER_ABSENT ? 0 : counters->stored[i];
        if (counters->now[i] != stored)
            return true;
    }
    return false;
}

void
counter_flush(struct state *state)
{
    struct counters *counters = &state->counters;
    if (!counter_is_dirty(state))
        return;
    for (int i = 0; i < COUNTER_COUNT; i++) {
        if (counters->now[i] == counters->stored[i])
            continue;
        db_run(state->db, STATEMENT_COUNTER_SET, counter_names[i], (int64_t)counters->now[i]);
        counters->stored[i] = counters->now[i];
    }
}

void
counter_begin(struct state *state)
{
    memcpy(state->counters.undo, state->counters.now, sizeof state->counters.now);
}

void
counter_undo(struct state *state)
{
    memcpy(state->counters.now, state->counters.undo, sizeof state->counters.now);
}

uint64_t
counter_next(struct state *state, enum counter counter)
{
    assert(state->counters.now[counter] < NUMBER_MAX || db_error(state->db) != NULL);
    return ++state->counters.now[counter];
}

void
counter_set(struct state *state, enum counter counter, uint64_t value)
{
    assert(counter >= COUNTER_CRANK); /* the others only grow, by what they give out */
    state->counters.now[counter] = value;
}

void
counter_numbers(struct state *state, enum counter counter, enum statement statement,
    struct number_list *numbers)
{
    size_t kept = numbers->count;
    query_numbers(db_query(state->db, statement), SIZE_MAX, numbers);
    for (size_t i = kept; i < numbers->count; i++) {
        if (numbers->items[i] <= counter_last(state, counter))
            numbers->items[kept++] = numbers->items[i];
    }
    numbers->count = kept;
}

uint64_t
counter_last(const struct state *state, enum counter counter)
{
    return state->counters.now[counter];
}

void
counter_load_all(struct state *state)
{
    load_counters(state);
    check_numbers(state);
}
