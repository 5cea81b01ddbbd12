/* The run queue's items in memory.
 *
 * New items join a ring that grows, in order of seq. Those that come back to places in its middle
 * join a heap, and the oldest of both is the first. While a crank is open the places of what it
 * took stay, for its undo. */
#ifndef STATE_RING_H
#define STATE_RING_H

#include "base/list.h"
#include "base/part.h"

struct queue_item;

struct item_list LIST(const struct queue_item *);

struct ring {
    const struct queue_item **places;
    uint64_t capacity;          /* a power of two */
    uint64_t head, tail;        /* positions, which go round */
    struct item_list returned;  /* the heap */
    struct item_list returning; /* to the heap, when this crank is kept */
    struct item_list taken;     /* out of the heap, in this crank */
    bool open;                  /* a crank is */
    uint64_t undo_head, undo_tail;
};

extern const struct part_kind ring_kind; /* its memory */

void ring_open(struct ring *ring);
void ring_append(struct ring *ring, const struct queue_item *item);
const struct queue_item *ring_first(const struct ring *ring); /* NULL: there is none */
void ring_take(struct ring *ring, const struct queue_item *first);
/* It goes to its place by seq when the crank is kept, and the journal closed. */
void ring_return(struct ring *ring, const struct queue_item *item);
/* Puts items in front of all that are not in the heap: the caller appends them between. Outside of
   a crank. What comes back is to be given to ring_step_back, which frees it. */
struct item_list ring_step_aside(struct ring *ring);
void ring_step_back(struct ring *ring, struct item_list *younger);
void ring_empty(struct ring *ring); /* outside of a crank */

void ring_begin(struct ring *ring);
void ring_keep(struct ring *ring);
void ring_undo(struct ring *ring);

#endif
