/* The run queue, and what is parked: on an unresolved promise, or with a vat that takes nothing.
 *
 * An item is in exactly one of these places. */
#ifndef STATE_QUEUE_H
#define STATE_QUEUE_H

#include "state/promise.h"
#include "state/queue_item.h"

/* A new item at the run queue's end. Takes over no references: the caller counts,
   and says what caused it. */
struct queue_item *queue_push(struct state *state, enum queue_kind kind);
/* Says whom a new message is for; an unresolved promise counts it until it is parked. */
void queue_set_target(struct state *state, struct queue_item *message, struct kref target);
/* The run queue's head, or NULL. Call it outside of a crank first: it may load rows. */
const struct queue_item *queue_head(struct state *state);

/* The head leaves the run queue: for good, or to park. */
void queue_consume(struct state *state, const struct queue_item *head);
void queue_park_on_promise(
    struct state *state, const struct queue_item *head, const struct promise *promise);
struct vat_record;
void queue_park_on_vat(
    struct state *state, const struct queue_item *head, const struct vat_record *vat);
/* An item waits for the host, or for a vat's end; the head, or one that waits already. */
void queue_set_aside(
    struct state *state, const struct queue_item *item, enum queue_place place, uint64_t id);
/* An item that is set aside goes. */
void queue_finish(struct state *state, const struct queue_item *item);
/* What is parked moves on, in order: to the run queue's end, or behind what waits for another.
   What a vat had waiting goes back to where it came from when the crank is kept: before all that
   was queued later, some of which may be for the same vat. So does what a promise had waiting,
   with back, for when younger messages to the same promise are still on their way. */
void queue_unpark_promise(struct state *state, const struct promise *promise, bool back);
void queue_unpark_vat(struct state *state, const struct vat_record *vat);
void queue_repark(struct state *state, const struct promise *from, const struct promise *to);

/* For promise.c and vat_record.c, on a row just adopted. */
void queue_load_parked(struct state *state, enum queue_place place, uint64_t id,
    const struct queue_item **first, const struct queue_item **last);

/* For state.c. */
void queue_open(struct state *state);
void queue_forget(struct state *state); /* all rows are clean: back to the database */

#endif
