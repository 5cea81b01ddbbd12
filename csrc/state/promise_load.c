#include "state/promise_load.h"

#include "state/blob.h"
#include "state/clist.h"
#include "state/internal.h"
#include "state/queue.h"
#include "state/rows/columns.h"
#include "state/rows/row.h"
#include "state/rows/vat_list.h"
#include "store/query.h"

struct id_list LIST(uint64_t); /* in no order */

struct promise *
promise_load_find(struct state *state, uint64_t id)
{
    return (struct promise *)table_numbered(&state->tables[TABLE_PROMISE], id);
}

static void
load_subscribers(struct state *state, struct promise *promise)
{
    struct number_list vats = {0};
    query_numbers(
        db_query(state->db, STATEMENT_SUBSCRIBERS, (int64_t)promise->id), SIZE_MAX, &vats);
    promise->subscribers = vat_list_new(&vats);
    promise->stored_subscribers = vat_list_hold(promise->subscribers);
    list_free(&vats);
}

static struct promise *
adopt(struct state *state, uint64_t id, struct query *query)
{
    struct table *table = &state->tables[TABLE_PROMISE];
    struct promise *promise = table_adopt_numbered(table, id);
    bool good = columns_read(&table->columns, query, promise);
    bool settled = promise->state != PROMISE_UNRESOLVED;
    bool open_ended = promise->follows != 0 || promise->decider != DECIDER_NONE;
    bool decided_twice = (promise->follows != 0) != (promise->decider == DECIDER_KERNEL);
    if (!good || (settled ? promise->value == NULL || open_ended : decided_twice))
        db_damaged(state->db, "promise", (int64_t)id);
    if (!good)
        promise->refcount = 0;
    if (decided_twice)
        promise->decider = promise->follows = 0;
    if (settled) {
        promise->decider = DECIDER_NONE; /* nobody settles it again, and loses its value */
        if (promise->value == NULL)
            promise->value = blob_empty();
    } else {
        blob_drop(promise->value);
        promise->value = NULL;
    }
    return promise;
}

/* Messages to it in the run queue; the index queue_to_promise has the same conditions. */
static int64_t
load_queued(struct state *state, uint64_t id)
{
    char target[REF_TEXT_MAX];
    struct query *query =
        db_query(state->db, STATEMENT_QUEUE_COUNT_TO_PROMISE, kref_print(kref_promise(id), target));
    int64_t count = query_next(query) ? query_integer(query, 0) : 0;
    query_end(query);
    return count;
}

static struct promise *
load_one(struct state *state, uint64_t id)
{
    if (id == 0 || id > counter_last(state, COUNTER_PROMISE))
        return NULL;
    struct query *query = db_query(state->db, STATEMENT_PROMISE, (int64_t)id);
    struct promise *promise = query_next(query) ? adopt(state, id, query) : NULL;
    query_end(query);
    if (promise == NULL)
        return NULL;
    clist_load(state, kref_promise(id), &promise->first);
    if (promise->state == PROMISE_UNRESOLVED) {
        load_subscribers(state, promise);
        queue_load_parked(
            state, QUEUE_ON_PROMISE, id, &promise->parked_first, &promise->parked_last);
        promise->queued = load_queued(state, id);
    }
    return promise;
}

/* Adds what the promise follows, and what follows it. */
static void
add_neighbours(struct state *state, const struct promise *promise, struct id_list *ids)
{
    struct number_list followers = {0};
    query_numbers(db_query(state->db, STATEMENT_PROMISES_FOLLOWING, (int64_t)promise->id), SIZE_MAX,
        &followers);
    for (size_t i = 0; i < followers.count; i++)
        list_push(ids, followers.items[i]);
    if (promise->follows != 0)
        list_push(ids, promise->follows);
    list_free(&followers);
}

static void
link_loaded_follower(struct promise *promise, struct promise *target)
{
    struct promise *first = (struct promise *)target->first_follower; /* loaded just now, too */
    promise->next_follower = first;
    if (first != NULL)
        first->prev_follower = promise;
    target->first_follower = promise;
}

/* Links those that were just loaded. Each follows one at the most, so among connected ones there
   are fewer that follow than there are, unless they go round in a circle. */
static void
link_loaded(struct state *state, const struct id_list *ids)
{
    size_t loaded = 0, following = 0;
    for (size_t i = 0; i < ids->count; i++) {
        const struct promise *promise =
            ids->items[i] == 0 ? NULL : promise_load_find(state, ids->items[i]);
        loaded += promise != NULL;
        following += promise != NULL && promise->follows != 0;
    }
    for (size_t i = 0; i < ids->count; i++) {
        struct promise *promise =
            ids->items[i] == 0 ? NULL : promise_load_find(state, ids->items[i]);
        if (promise == NULL || promise->follows == 0)
            continue;
        struct promise *target = promise_load_find(state, promise->follows);
        if (following < loaded && target != NULL && target->state == PROMISE_UNRESOLVED) {
            link_loaded_follower(promise, target);
        } else {
            db_damaged(state->db, "promise", (int64_t)promise->id);
            promise->follows = 0; /* nobody walks on from here */
        }
    }
}

void
promise_load(struct state *state, uint64_t id)
{
    struct id_list ids = {0};
    list_push(&ids, id);
    for (size_t i = 0; i < ids.count; i++) {
        bool known = promise_load_find(state, ids.items[i]) != NULL;
        const struct promise *promise = known ? NULL : load_one(state, ids.items[i]);
        if (promise == NULL)
            ids.items[i] = 0; /* here already, or not to be had */
        else if (promise->state == PROMISE_UNRESOLVED)
            add_neighbours(state, promise, &ids);
    }
    link_loaded(state, &ids);
    for (size_t i = 0; i < ids.count; i++) {
        if (ids.items[i] != 0)
            row_seal(&state->tables[TABLE_PROMISE], promise_load_find(state, ids.items[i]));
    }
    list_free(&ids);
}
