/* The run queue, and what is parked: on an unresolved promise, or with a vat that takes nothing.
 *
 * An item is in exactly one of these places. It holds its target, its result and each of its
 * slots until it is consumed. */
#ifndef STATE_QUEUE_H
#define STATE_QUEUE_H

#include "state/blob.h"
#include "state/promise.h"

enum queue_kind {
    QUEUE_MESSAGE, /* target:method(value) with result */
    QUEUE_NOTIFY,  /* tell vat that promise target has settled */
    QUEUE_UPGRADE, /* vat goes on with the bundle method, or its own, and parameters value, or its
                      own when it has no bytes; target is its root */
};

enum queue_place {
    QUEUE_RUN,
    QUEUE_ON_PROMISE,
    QUEUE_ON_VAT,
    QUEUE_ON_SERVICE, /* a call of the host's object place_id, to be answered */
    QUEUE_ON_END,     /* a call that the end of vat place_id answers */
};

struct queue_item {
    struct row row;
    uint64_t seq;
    enum queue_kind kind;
    struct kref target;
    struct blob *method; /* a name, no slots */
    struct blob *value;
    struct kref result; /* or none */
    uint64_t vat;       /* of a notify: whom to tell; of a message: who sent it, 0 for the host */
    int64_t attempt;    /* of a notify: 0, or how a delivery of it failed: an enum vat_fault */
    uint64_t line;      /* of one parked on a promise: its number in line there; 0: seq is */
    uint64_t cause_crank, cause_syscall;
    enum queue_place place;
    uint64_t place_id;              /* promise or vat */
    struct queue_item *parked_next; /* in its parking place */
};

/* A new item at the run queue's end. Takes over no references: the caller counts,
   and says what caused it. */
struct queue_item *queue_push(struct state *state, enum queue_kind kind);
/* Says whom a new message is for; an unresolved promise counts it until it is parked. */
void queue_set_target(struct state *state, struct queue_item *message, struct kref target);
/* The run queue's head, or NULL. Call it outside of a crank first: it may load rows. */
struct queue_item *queue_head(struct state *state);

void queue_touch(struct state *state, struct queue_item *item);
/* The head leaves the run queue: for good, or to park. */
void queue_consume(struct state *state, struct queue_item *head);
void queue_park_on_promise(struct state *state, struct queue_item *head, struct promise *promise);
struct vat_record;
void queue_park_on_vat(struct state *state, struct queue_item *head, struct vat_record *vat);
/* An item waits for the host, or for a vat's end; the head, or one that waits already. */
void queue_set_aside(
    struct state *state, struct queue_item *item, enum queue_place place, uint64_t id);
/* An item that is set aside goes. */
void queue_finish(struct state *state, struct queue_item *item);
/* An item by its number, wherever it is; NULL: there is none. */
struct queue_item *queue_get(struct state *state, uint64_t seq);
/* The numbers of the calls that wait for the host, or for the end of one vat, ascending; the caller
   frees. */
uint64_t *queue_calls(struct state *state, size_t *count);
uint64_t *queue_waiting_for_end(struct state *state, uint64_t vat, size_t *count);
/* What is parked moves on, in order: to the run queue's end, or behind what waits for another.
   What a vat had waiting goes back to where it came from when the crank is kept: before all that
   was queued later, some of which may be for the same vat. So does what a promise had waiting,
   with back, for when younger messages to the same promise are still on their way. */
void queue_unpark_promise(struct state *state, struct promise *promise, bool back);
void queue_unpark_vat(struct state *state, struct vat_record *vat);
void queue_repark(struct state *state, struct promise *from, struct promise *to);

/* For promise.c and vat_record.c, on a row just adopted. */
void queue_load_parked(struct state *state, enum queue_place place, uint64_t id,
    struct queue_item **first, struct queue_item **last);

#endif
