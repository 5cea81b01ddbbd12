#include "base/hash.h"
#include "base/memory.h"
#include "state/internal.h"
#include "store/query.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {"unresolved", "fulfilled", "rejected", NULL};

/* Subscribers */

static struct vat_list *
vat_list_new(const uint64_t *vats, size_t count)
{
    if (count == 0)
        return NULL;
    struct vat_list *list = memory_new(sizeof *list + count * sizeof *vats);
    list->holders = 1;
    list->count = (uint32_t)count;
    memcpy(list->vats, vats, count * sizeof *vats);
    return list;
}

static struct vat_list *
vat_list_hold(struct vat_list *list)
{
    if (list != NULL)
        list->holders++;
    return list;
}

static void
vat_list_drop(struct vat_list *list)
{
    if (list != NULL && --list->holders == 0)
        free(list);
}

static void
retain(void *row)
{
    struct promise *promise = row;
    vat_list_hold(promise->subscribers);
    promise->stored_subscribers = NULL; /* a flush may write others before this one is put back */
    promise->restored = true;
}

static void
release(void *row)
{
    struct promise *promise = row;
    vat_list_drop(promise->subscribers);
    vat_list_drop(promise->stored_subscribers);
}

/* Rows */

/* Only those who came or went: many may wait for one promise. */
static void
store_changes(
    struct state *state, int64_t id, const struct vat_list *old, const struct vat_list *now)
{
    size_t old_count = old == NULL ? 0 : old->count;
    size_t count = now == NULL ? 0 : now->count;
    for (size_t i = 0, j = 0; i < old_count || j < count;) {
        if (i < old_count && j < count && old->vats[i] == now->vats[j]) {
            i++;
            j++;
        } else if (j == count || (i < old_count && old->vats[i] < now->vats[j])) {
            db_run(state->db, STATEMENT_SUBSCRIBER_ERASE, id, (int64_t)old->vats[i++]);
        } else {
            db_run(state->db, STATEMENT_SUBSCRIBER_ADD, id, (int64_t)now->vats[j++]);
        }
    }
}

static void
store_subscribers(struct state *state, struct promise *promise)
{
    if (promise->restored || promise->subscribers == NULL) {
        if (promise->restored || promise->stored_subscribers != NULL)
            db_run(state->db, STATEMENT_SUBSCRIBER_ERASE_ALL, (int64_t)promise->id);
        vat_list_drop(promise->stored_subscribers);
        promise->stored_subscribers = NULL;
        promise->restored = false;
    }
    if (promise->stored_subscribers == promise->subscribers)
        return;
    store_changes(state, (int64_t)promise->id, promise->stored_subscribers, promise->subscribers);
    vat_list_drop(promise->stored_subscribers);
    promise->stored_subscribers = vat_list_hold(promise->subscribers);
}

static void
store(struct state *state, void *row)
{
    store_subscribers(state, row);
}

static void
erase(struct state *state, void *row)
{
    int64_t id = (int64_t)((struct promise *)row)->id;
    db_run(state->db, STATEMENT_SUBSCRIBER_ERASE_ALL, id);
}

#define AT(member) .offset = offsetof(struct promise, member)

static const struct column columns[] = {
    {"id", IS_NUMBER, AT(id), .role = ROLE_KEY},
    {"state", IS_NAME, AT(state), .names = state_names},
    {"decider", IS_NUMBER, AT(decider), .optional = true},
    {"follows", IS_NUMBER, AT(follows), .optional = true},
    {"refcount", IS_COUNT, AT(refcount)},
    {"body", IS_BODY, AT(value), .optional = true},
    {"slots", IS_SLOTS, AT(value), .optional = true},
    {0},
};

static const struct row_select selects[] = {
    {STATEMENT_PROMISE, "id = ?", "i"},
    {0},
};

const struct row_type promise_type = {
    .name = "promise",
    .size = sizeof(struct promise),
    .columns = columns,
    .selects = selects,
    .write_by = STATEMENT_PROMISE_WRITE,
    .erase_by = STATEMENT_PROMISE_ERASE,
    .retain = retain,
    .release = release,
    .store = store,
    .erase = erase,
};

static struct promise *
find(struct state *state, uint64_t id)
{
    uint64_t hash = hash_number(id);
    struct row *row = table_first(&state->tables[NOUN_PROMISE], hash);
    while (row != NULL && ((struct promise *)row)->id != id)
        row = row->next;
    return (struct promise *)row;
}

static void
load_subscribers(struct state *state, struct promise *promise)
{
    uint64_t *vats = NULL;
    size_t count = 0;
    struct query *query = db_query(state->db, STATEMENT_SUBSCRIBERS, (int64_t)promise->id);
    while (query_next(query)) {
        vats = memory_resize(vats, (count + 1) * sizeof *vats);
        vats[count++] = (uint64_t)query_integer(query, 0);
    }
    query_end(query);
    promise->subscribers = vat_list_new(vats, count);
    promise->stored_subscribers = vat_list_hold(promise->subscribers);
    free(vats);
}

/* Numbers of the promises that a statement lists; the caller frees. */
static uint64_t *
list_ids(
    struct state *state, enum statement statement, uint64_t argument, size_t most, size_t *count)
{
    uint64_t *ids = NULL;
    *count = 0;
    struct query *query = db_query(state->db, statement, (int64_t)argument);
    while (*count < most && query_next(query)) {
        ids = memory_resize(ids, (*count + 1) * sizeof *ids);
        ids[(*count)++] = (uint64_t)query_integer(query, 0);
    }
    query_end(query);
    return ids;
}

static struct promise *
adopt(struct state *state, uint64_t id, struct query *query)
{
    struct table *table = &state->tables[NOUN_PROMISE];
    struct promise *promise = table_adopt(table, hash_number(id));
    bool good = columns_read(&table->columns, query, promise);
    bool settled = promise->state != PROMISE_UNRESOLVED;
    bool open_ended = promise->follows != 0 || promise->decider != DECIDER_NONE;
    if (!good || (settled && (promise->value == NULL || open_ended)))
        db_damaged(state->db, "promise", (int64_t)id);
    if (!good)
        promise->refcount = 0;
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
    clist_load(state, kref_promise(id));
    if (promise->state == PROMISE_UNRESOLVED) {
        load_subscribers(state, promise);
        queue_load_parked(
            state, QUEUE_ON_PROMISE, id, &promise->parked_first, &promise->parked_last);
        promise->queued = load_queued(state, id);
    }
    return promise;
}

static void
link_follower(struct promise *promise, struct promise *target)
{
    promise->prev_follower = NULL;
    promise->next_follower = target->first_follower;
    if (target->first_follower != NULL)
        target->first_follower->prev_follower = promise;
    target->first_follower = promise;
}

/* Adds what the promise follows, and what follows it. */
static void
add_neighbours(struct state *state, const struct promise *promise, uint64_t **ids, size_t *count)
{
    size_t more;
    uint64_t *followers =
        list_ids(state, STATEMENT_PROMISES_FOLLOWING, promise->id, SIZE_MAX, &more);
    *ids = memory_resize(*ids, (*count + more + 1) * sizeof **ids);
    if (more > 0)
        memcpy(*ids + *count, followers, more * sizeof **ids);
    *count += more;
    if (promise->follows != 0)
        (*ids)[(*count)++] = promise->follows;
    free(followers);
}

/* Links those that were just loaded. Each follows one at the most, so among connected ones there
   are fewer that follow than there are, unless they go round in a circle. */
static void
link_loaded(struct state *state, const uint64_t *ids, size_t count)
{
    size_t loaded = 0, following = 0;
    for (size_t i = 0; i < count; i++) {
        const struct promise *promise = ids[i] == 0 ? NULL : find(state, ids[i]);
        loaded += promise != NULL;
        following += promise != NULL && promise->follows != 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct promise *promise = ids[i] == 0 ? NULL : find(state, ids[i]);
        if (promise == NULL || promise->follows == 0)
            continue;
        struct promise *target = find(state, promise->follows);
        if (following < loaded && target != NULL && target->state == PROMISE_UNRESOLVED) {
            link_follower(promise, target);
        } else {
            db_damaged(state->db, "promise", (int64_t)promise->id);
            promise->follows = 0; /* nobody walks on from here */
        }
    }
}

/* Loads a promise, with all that are linked to it by following: a link in memory is never to a
   row that is not. Such a chain may be longer than the C stack. */
static void
load(struct state *state, uint64_t id)
{
    uint64_t *ids = memory_new(sizeof *ids);
    size_t count = 1;
    ids[0] = id;
    for (size_t i = 0; i < count; i++) {
        struct promise *promise = find(state, ids[i]) == NULL ? load_one(state, ids[i]) : NULL;
        if (promise == NULL)
            ids[i] = 0; /* here already, or not to be had */
        else if (promise->state == PROMISE_UNRESOLVED)
            add_neighbours(state, promise, &ids, &count);
    }
    link_loaded(state, ids, count);
    free(ids);
}

struct promise *
promise_get(struct state *state, uint64_t id)
{
    struct promise *promise = find(state, id);
    if (promise == NULL) {
        load(state, id);
        promise = find(state, id);
    }
    return promise == NULL || promise->row.dead ? NULL : promise;
}

struct promise *
promise_need(struct state *state, uint64_t id)
{
    struct promise *promise = promise_get(state, id);
    if (promise != NULL)
        return promise;
    db_damaged(state->db, "promise", (int64_t)id);
    promise = table_adopt(&state->tables[NOUN_PROMISE], hash_number(id));
    promise->id = id;
    promise->state = PROMISE_REJECTED;
    promise->value = blob_empty();
    return promise;
}

struct promise *
promise_create(struct state *state, uint64_t decider)
{
    uint64_t id = counter_next(state, COUNTER_PROMISE);
    struct promise *promise =
        table_insert(&state->tables[NOUN_PROMISE], &state->journal, hash_number(id));
    promise->id = id;
    promise->decider = decider;
    return promise;
}

void
promise_touch(struct state *state, struct promise *promise)
{
    row_touch(&state->tables[NOUN_PROMISE], &state->journal, promise);
}

void
promise_delete(struct state *state, struct promise *promise)
{
    row_delete(&state->tables[NOUN_PROMISE], &state->journal, promise);
}

/* What happens to one */

void
promise_subscribe(struct state *state, struct promise *promise, uint64_t vat)
{
    const struct vat_list *old = promise->subscribers;
    size_t count = old == NULL ? 0 : old->count;
    size_t before = 0;
    while (before < count && old->vats[before] < vat)
        before++;
    if (before < count && old->vats[before] == vat)
        return;
    promise_touch(state, promise);
    struct vat_list *list = memory_new(sizeof *list + (count + 1) * sizeof vat);
    list->holders = 1;
    list->count = (uint32_t)count + 1;
    if (before > 0)
        memcpy(list->vats, old->vats, before * sizeof vat);
    list->vats[before] = vat;
    if (before < count)
        memcpy(list->vats + before + 1, old->vats + before, (count - before) * sizeof vat);
    vat_list_drop(promise->subscribers);
    promise->subscribers = list;
}

void
promise_unsubscribe(struct state *state, struct promise *promise, uint64_t vat)
{
    const struct vat_list *old = promise->subscribers;
    size_t at = 0;
    while (old != NULL && at < old->count && old->vats[at] != vat)
        at++;
    if (old == NULL || at == old->count)
        return;
    promise_touch(state, promise);
    struct vat_list *list = vat_list_new(old->vats, old->count);
    memmove(list->vats + at, list->vats + at + 1, (list->count - at - 1) * sizeof vat);
    list->count--;
    vat_list_drop(promise->subscribers);
    if (list->count == 0) {
        vat_list_drop(list);
        list = NULL;
    }
    promise->subscribers = list;
}

void
promise_follow(struct state *state, struct promise *promise, struct promise *target)
{
    promise_touch(state, promise);
    promise_touch(state, target);
    promise->decider = DECIDER_KERNEL;
    promise->follows = target->id;
    if (target->first_follower != NULL)
        promise_touch(state, target->first_follower);
    link_follower(promise, target);
}

void
promise_unfollow(struct state *state, struct promise *promise)
{
    struct promise *target = promise_get(state, promise->follows);
    promise_touch(state, promise);
    if (promise->next_follower != NULL) {
        promise_touch(state, promise->next_follower);
        promise->next_follower->prev_follower = promise->prev_follower;
    }
    if (promise->prev_follower != NULL) {
        promise_touch(state, promise->prev_follower);
        promise->prev_follower->next_follower = promise->next_follower;
    } else if (target != NULL) {
        promise_touch(state, target);
        target->first_follower = promise->next_follower;
    }
    promise->follows = 0;
    promise->next_follower = promise->prev_follower = NULL;
}

void
promise_count_queued(struct state *state, uint64_t id, int64_t change)
{
    struct promise *promise = promise_need(state, id);
    if (promise->state != PROMISE_UNRESOLVED)
        return;
    promise_touch(state, promise);
    promise->queued += change;
    if (promise->queued < 0)
        db_damaged(state->db, "promise", (int64_t)id);
}

void
promise_settle(
    struct state *state, struct promise *promise, enum promise_state how, struct blob *value)
{
    promise_touch(state, promise);
    promise->state = how;
    promise->decider = DECIDER_NONE;
    promise->queued = 0;
    struct blob *damaged = promise->value; /* one that promise_need made up; else there is none */
    promise->value = blob_hold(value);
    blob_drop(damaged);
    vat_list_drop(promise->subscribers);
    promise->subscribers = NULL;
}

uint64_t *
promise_decided_by(struct state *state, uint64_t vat, size_t most, size_t *count)
{
    state_flush(state);
    uint64_t *ids = list_ids(state, STATEMENT_PROMISES_DECIDED, vat, most, count);
    return ids;
}

void
promise_each_in_memory(
    struct state *state, void (*each)(void *context, const struct promise *promise), void *context)
{
    for (size_t i = 0; i < state->tables[NOUN_PROMISE].bucket_count; i++) {
        for (struct row *row = state->tables[NOUN_PROMISE].buckets[i]; row != NULL;
             row = row->next) {
            if (!row->dead)
                each(context, (const struct promise *)row);
        }
    }
}

void
promise_holding(struct state *state, struct number_list *ids)
{
    struct query *query = db_query(state->db, STATEMENT_PROMISES_HOLDING);
    while (query_next(query))
        list_push(ids, (uint64_t)query_integer(query, 0));
    query_end(query);
}
