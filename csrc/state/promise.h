/* Kernel promises.
 *
 * Unresolved until promise_settle, which happens once; then fulfilled or rejected, with a value.
 * An unresolved promise is decided by a vat, by nobody while the message that it is the result of
 * is queued, or by the kernel when it follows another promise. refcount counts every c-list entry,
 * queue references, slots of settled promises, followers, and host references. */
#ifndef STATE_PROMISE_H
#define STATE_PROMISE_H

#include "base/numbers.h"
#include "state/blob.h"
#include "state/rows/row.h"
#include "state/state.h"

#define DECIDER_NONE UINT64_C(0)
#define DECIDER_KERNEL UINT64_MAX

enum promise_state { PROMISE_UNRESOLVED, PROMISE_FULFILLED, PROMISE_REJECTED };

struct clist_entry;
struct queue_item;

struct vat_list;

/* What the walk over promises that is under way has found; no part of the state. */
struct promise_mark {
    uint64_t visited;
    int64_t inside;
};

struct promise {
    struct row row;
    uint64_t id;
    enum promise_state state;
    uint64_t decider;
    int64_t refcount;
    struct blob *value;                   /* when settled */
    struct vat_list *subscribers;         /* NULL: none */
    uint64_t follows;                     /* the promise whose way it goes, or 0 */
    const struct promise *first_follower; /* those that follow this one, in no order */
    const struct promise *next_follower, *prev_follower; /* of what this one follows */
    const struct clist_entry *first;                     /* every c-list entry of it */
    const struct queue_item *parked_first, *parked_last; /* messages that wait for it */
    int64_t queued; /* messages to it in the run queue, while it is unresolved; not stored */
    /* no part of the state */
    struct vat_list *stored_subscribers; /* those that the database has */
    bool restored;                       /* by an undo: which those are is not known */
    struct promise_mark mark;
};

const struct promise *promise_get(struct state *state, uint64_t id);  /* NULL: there is none */
const struct promise *promise_need(struct state *state, uint64_t id); /* as object_need */
struct promise *promise_create(struct state *state, uint64_t decider);
struct promise *promise_edit(struct state *state, const struct promise *promise);
struct promise_mark *promise_mark(const struct promise *promise);
void promise_delete(struct state *state, const struct promise *promise);

void promise_subscribe(struct state *state, const struct promise *promise, uint64_t vat);
void promise_unsubscribe(struct state *state, const struct promise *promise, uint64_t vat);
void promise_follow(
    struct state *state, const struct promise *promise, const struct promise *target);
void promise_unfollow(struct state *state, const struct promise *promise);
/* One more message to it, or one less, is in the run queue; a settled one does not count. */
void promise_count_queued(struct state *state, uint64_t id, int64_t change);
/* Drops subscribers and decider; the caller has told whom they concern. */
void promise_settle(
    struct state *state, const struct promise *promise, enum promise_state how, struct blob *value);

/* Adds the unresolved promises that a vat decides, ascending, so many at the most. */
void promise_decided_by(struct state *state, uint64_t vat, size_t most, struct number_list *ids);

/* Adds the settled promises of the database whose values hold promises, ascending. */
void promise_holding(struct state *state, struct number_list *ids);

/* Calls each for every promise that is in memory. */
void promise_each_in_memory(
    struct state *state, void (*each)(void *context, const struct promise *promise), void *context);

extern const struct row_type promise_type; /* for state.c */

#endif
