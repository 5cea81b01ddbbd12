/* Items of the queue, wherever they wait: messages, notifies, upgrades.
 *
 * An item holds its target, its result and each of its slots until it is consumed. */
#ifndef STATE_QUEUE_ITEM_H
#define STATE_QUEUE_ITEM_H

#include "base/numbers.h"
#include "state/blob.h"
#include "state/rows/row.h"

struct query;
struct state;

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
    uint64_t place_id;                    /* promise or vat */
    const struct queue_item *parked_next; /* in its parking place */
};

struct queue_item *queue_item_edit(struct state *state, const struct queue_item *item);
/* An item by its number, in memory or aside for a service or an end; NULL: there is none. */
const struct queue_item *queue_item_get(struct state *state, uint64_t seq);
/* Adds the numbers of the calls that wait for the host, or for the end of one vat, ascending. */
void queue_item_calls(struct state *state, struct number_list *seqs);
void queue_item_waiting_for_end(struct state *state, uint64_t vat, struct number_list *seqs);

/* For queue.c. The next number's item, zeroed; and one that is in memory, dead ones too. */
struct queue_item *queue_item_new(struct state *state, enum queue_kind kind);
struct queue_item *queue_item_in_memory(const struct state *state, uint64_t seq);
#define QUEUE_ITEM_BATCH 1024 /* rows that STATEMENT_QUEUE_RUN gives at once */
struct queue_item *queue_item_adopt(struct state *state, struct query *query);

extern const struct row_type queue_item_type; /* for state.c */

#endif
