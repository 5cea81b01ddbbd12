/* The run queue's items in memory, as a ring that grows; internal.h has what is exported. */
#include "state/internal.h"

#include <assert.h>
#include <stdlib.h>

#define RING_FIRST 256
#define RING_START (UINT64_C(1) << 40) /* so that older items can be put in front */

void
ring_open(struct run_queue *queue)
{
    queue->capacity = RING_FIRST;
    queue->ring = memory_zero(RING_FIRST * sizeof *queue->ring);
    queue->head = queue->tail = RING_START;
}

void
ring_close(struct run_queue *queue)
{
    free(queue->ring);
    free(queue->returning.items);
}

struct queue_item **
ring_slot(struct run_queue *queue, uint64_t position)
{
    return &queue->ring[position & (queue->capacity - 1)];
}

/* Items from head on move to a ring of this capacity. */
static void
resize(struct run_queue *queue, uint64_t head, uint64_t capacity)
{
    struct queue_item **ring = memory_zero(capacity * sizeof *ring);
    for (uint64_t at = head; at < queue->tail; at++)
        ring[at & (capacity - 1)] = *ring_slot(queue, at);
    free(queue->ring);
    queue->ring = ring;
    queue->capacity = capacity;
}

void
queue_trim(struct state *state)
{
    struct run_queue *queue = &state->queue;
    assert(!state->journal.open);
    uint64_t capacity = RING_FIRST;
    while (capacity < 2 * (queue->tail - queue->head))
        capacity *= 2;
    if (capacity < queue->capacity)
        resize(queue, queue->head, capacity);
    free(queue->returning.items); /* empty between cranks */
    queue->returning = (struct item_list){0};
}

/* Makes room for one more item at either end. Positions of an open crank's consumed items stay:
   its undo needs them. */
static void
make_room(struct state *state)
{
    struct run_queue *queue = &state->queue;
    uint64_t head = state->journal.open ? state->undo_head : queue->head;
    if (queue->head < head)
        head = queue->head;
    if (queue->tail - head + 1 < queue->capacity)
        return;
    resize(queue, head, queue->capacity * 2);
}

void
ring_append(struct state *state, struct queue_item *item)
{
    make_room(state);
    *ring_slot(&state->queue, state->queue.tail++) = item;
}

void
ring_prepend(struct state *state, struct queue_item *item)
{
    make_room(state);
    *ring_slot(&state->queue, --state->queue.head) = item;
}

void
items_add(struct item_list *list, struct queue_item *item)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        list->items = memory_resize(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = item;
}
