#include "state/promise.h"

#include "base/hash.h"
#include "state/blob.h"
#include "state/clist.h"
#include "state/internal.h"
#include "state/promise_load.h"
#include "state/queue_item.h"
#include "state/rows/columns.h"
#include "state/rows/row.h"
#include "state/rows/vat_list.h"
#include "store/query.h"

#include <assert.h>

static const char *const state_names[] = {"unresolved", "fulfilled", "rejected", NULL};

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

/* Between cranks. */
static void
check(const void *row)
{
    const struct promise *promise = row;
    (void)promise;
    bool settled = promise->state != PROMISE_UNRESOLVED;
    (void)settled;
    assert(promise->id != 0 && promise->state <= PROMISE_REJECTED);
    assert(settled == (promise->value != NULL));
    assert(!settled || (promise->decider == DECIDER_NONE && promise->follows == 0));
    assert(!settled || (promise->subscribers == NULL && promise->queued == 0));
    assert(!settled || promise->parked_first == NULL);
    assert((promise->follows != 0) == (promise->decider == DECIDER_KERNEL));
    assert(promise->refcount >= 0);
    assert(promise->subscribers == NULL || promise->subscribers->count > 0);
    assert(promise->first == NULL || promise->first->prev == NULL);
    assert(promise->first == NULL || kref_equal(promise->first->kref, kref_promise(promise->id)));
    assert((promise->parked_first == NULL) == (promise->parked_last == NULL));
    assert(promise->parked_last == NULL || promise->parked_last->parked_next == NULL);
    assert(promise->parked_first == NULL || promise->parked_first->place == QUEUE_ON_PROMISE);
    assert(promise->parked_first == NULL || promise->parked_first->place_id == promise->id);
    const struct promise *follower = promise->first_follower;
    (void)follower;
    assert(follower == NULL || (follower->follows == promise->id && !follower->row.dead));
    assert(follower == NULL || follower->prev_follower == NULL);
    assert(promise->next_follower == NULL || promise->next_follower->prev_follower == promise);
    assert(promise->prev_follower == NULL || promise->prev_follower->next_follower == promise);
    assert(promise->follows != 0 || promise->next_follower == NULL);
}

const struct row_type promise_type = {
    .name = "promise",
    .size = sizeof(struct promise),
    .loose = offsetof(struct promise, stored_subscribers),
    .columns = columns,
    .selects = selects,
    .write_by = STATEMENT_PROMISE_WRITE,
    .erase_by = STATEMENT_PROMISE_ERASE,
    .retain = retain,
    .release = release,
    .store = store,
    .erase = erase,
    .check = check,
};

const struct promise *
promise_get(struct state *state, uint64_t id)
{
    const struct promise *promise = promise_load_find(state, id);
    if (promise == NULL) {
        promise_load(state, id);
        promise = promise_load_find(state, id);
    }
    return promise == NULL || promise->row.dead ? NULL : promise;
}

const struct promise *
promise_need(struct state *state, uint64_t id)
{
    const struct promise *promise = promise_get(state, id);
    if (promise != NULL)
        return promise;
    db_damaged(state->db, "promise", (int64_t)id);
    struct promise *stand_in = table_adopt(&state->tables[TABLE_PROMISE], hash_number(id));
    stand_in->id = id;
    stand_in->state = PROMISE_REJECTED;
    stand_in->value = blob_empty();
    return stand_in;
}

struct promise *
promise_create(struct state *state, uint64_t decider)
{
    uint64_t id = counter_next(state, COUNTER_PROMISE);
    struct promise *promise =
        table_insert_numbered(&state->tables[TABLE_PROMISE], &state->journal, id);
    promise->decider = decider;
    return promise;
}

struct promise *
promise_edit(struct state *state, const struct promise *promise)
{
    return row_edit(&state->tables[TABLE_PROMISE], &state->journal, promise);
}

struct promise_mark *
promise_mark(const struct promise *promise)
{
    return &((struct promise *)promise)->mark;
}

void
promise_delete(struct state *state, const struct promise *promise)
{
    row_delete(&state->tables[TABLE_PROMISE], &state->journal, promise);
}

/* What happens to one */

void
promise_subscribe(struct state *state, const struct promise *promise, uint64_t vat)
{
    if (vat_list_has(promise->subscribers, vat))
        return;
    struct promise *edit = promise_edit(state, promise);
    struct vat_list *old = edit->subscribers;
    edit->subscribers = vat_list_with(old, vat);
    vat_list_drop(old);
}

void
promise_unsubscribe(struct state *state, const struct promise *promise, uint64_t vat)
{
    if (!vat_list_has(promise->subscribers, vat))
        return;
    struct promise *edit = promise_edit(state, promise);
    struct vat_list *old = edit->subscribers;
    edit->subscribers = vat_list_without(old, vat);
    vat_list_drop(old);
}

void
promise_follow(struct state *state, const struct promise *promise, const struct promise *target)
{
    assert(promise != target && !promise->row.dead && !target->row.dead);
    assert(promise->state == PROMISE_UNRESOLVED && target->state == PROMISE_UNRESOLVED);
    struct promise *follower = promise_edit(state, promise);
    follower->decider = DECIDER_KERNEL;
    follower->follows = target->id;
    follower->prev_follower = NULL;
    follower->next_follower = target->first_follower;
    if (target->first_follower != NULL)
        promise_edit(state, target->first_follower)->prev_follower = promise;
    promise_edit(state, target)->first_follower = promise;
}

void
promise_unfollow(struct state *state, const struct promise *promise)
{
    const struct promise *target = promise_get(state, promise->follows);
    struct promise *follower = promise_edit(state, promise);
    if (promise->next_follower != NULL)
        promise_edit(state, promise->next_follower)->prev_follower = promise->prev_follower;
    if (promise->prev_follower != NULL)
        promise_edit(state, promise->prev_follower)->next_follower = promise->next_follower;
    else if (target != NULL)
        promise_edit(state, target)->first_follower = promise->next_follower;
    follower->follows = 0;
    follower->next_follower = follower->prev_follower = NULL;
}

void
promise_count_queued(struct state *state, uint64_t id, int64_t change)
{
    const struct promise *promise = promise_need(state, id);
    if (promise->state != PROMISE_UNRESOLVED)
        return;
    promise_edit(state, promise)->queued += change;
    if (promise->queued < 0)
        db_damaged(state->db, "promise", (int64_t)id);
}

void
promise_settle(
    struct state *state, const struct promise *promise, enum promise_state how, struct blob *value)
{
    assert(how != PROMISE_UNRESOLVED);
    assert(promise->state == PROMISE_UNRESOLVED || db_error(state->db) != NULL); /* once */
    struct promise *edit = promise_edit(state, promise);
    edit->state = how;
    edit->decider = DECIDER_NONE;
    edit->queued = 0;
    struct blob *damaged = edit->value; /* one that promise_need made up; else there is none */
    edit->value = blob_hold(value);
    blob_drop(damaged);
    vat_list_drop(edit->subscribers);
    edit->subscribers = NULL;
}

void
promise_decided_by(struct state *state, uint64_t vat, size_t most, struct number_list *ids)
{
    state_flush(state);
    query_numbers(db_query(state->db, STATEMENT_PROMISES_DECIDED, (int64_t)vat), most, ids);
}

void
promise_each_in_memory(
    struct state *state, void (*each)(void *context, const struct promise *promise), void *context)
{
    for (size_t i = 0; i < state->tables[TABLE_PROMISE].bucket_count; i++) {
        for (struct row *row = state->tables[TABLE_PROMISE].buckets[i]; row != NULL;
             row = row->next) {
            if (!row->dead)
                each(context, (const struct promise *)row);
        }
    }
}

void
promise_holding(struct state *state, struct number_list *ids)
{
    counter_numbers(state, COUNTER_PROMISE, STATEMENT_PROMISES_HOLDING, ids);
}
