/* The run queue's items in memory; internal.h has what is exported.
 *
 * New items join a ring that grows, in order of seq. Those that come back to places in its middle
 * join a heap, and the oldest of both is the queue's head. */
#include "base/memory.h"
#include "state/internal.h"

#include <assert.h>
#include <stdlib.h>

#define RING_FIRST 256

void
ring_open(struct run_queue *queue)
{
    queue->capacity = RING_FIRST;
    queue->ring = memory_zero(RING_FIRST * sizeof *queue->ring);
    queue->head = queue->tail = 0;
}

void
ring_close(struct run_queue *queue)
{
    free(queue->ring);
    free(queue->returned.items);
    free(queue->returning.items);
    free(queue->taken.items);
}

uint64_t
ring_memory(const struct run_queue *queue)
{
    size_t listed = queue->returned.capacity + queue->returning.capacity + queue->taken.capacity;
    return (queue->capacity + listed) * sizeof *queue->ring;
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

static void
free_if_empty(struct item_list *list)
{
    if (list->count > 0)
        return;
    free(list->items);
    *list = (struct item_list){0};
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
    free_if_empty(&queue->returned);
    free_if_empty(&queue->returning);
    free_if_empty(&queue->taken);
}

/* Makes room for one more item at the end. Positions of an open crank's consumed items stay: its
   undo needs them. */
static void
make_room(struct state *state)
{
    struct run_queue *queue = &state->queue;
    uint64_t head = state->journal.open ? state->undo_head : queue->head;
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
items_add(struct item_list *list, struct queue_item *item)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        list->items = memory_resize(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = item;
}

/* The heap: none is older than the one at half its index */

static void
heap_add(struct item_list *heap, struct queue_item *item)
{
    items_add(heap, item);
    size_t at = heap->count - 1;
    for (; at > 0 && heap->items[(at - 1) / 2]->seq > item->seq; at = (at - 1) / 2)
        heap->items[at] = heap->items[(at - 1) / 2];
    heap->items[at] = item;
}

static void
heap_take(struct item_list *heap)
{
    struct queue_item *last = heap->items[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < heap->count && heap->items[child + 1]->seq < heap->items[child]->seq)
            child++;
        if (child >= heap->count || heap->items[child]->seq > last->seq)
            break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = last;
}

struct queue_item *
ring_first(const struct run_queue *queue)
{
    struct queue_item *first = NULL;
    if (queue->head != queue->tail)
        first = queue->ring[queue->head & (queue->capacity - 1)];
    if (queue->returned.count > 0 && (first == NULL || queue->returned.items[0]->seq < first->seq))
        first = queue->returned.items[0];
    return first;
}

void
ring_take(struct run_queue *queue, const struct queue_item *first)
{
    assert(ring_first(queue) == first);
    if (queue->returned.count == 0 || queue->returned.items[0] != first) {
        queue->head++;
    } else {
        items_add(&queue->taken, queue->returned.items[0]);
        heap_take(&queue->returned);
    }
}

void
ring_keep(struct run_queue *queue)
{
    for (size_t i = 0; i < queue->returning.count; i++)
        heap_add(&queue->returned, queue->returning.items[i]);
    queue->returning.count = queue->taken.count = 0;
}

void
ring_undo(struct state *state)
{
    struct run_queue *queue = &state->queue;
    queue->head = state->undo_head;
    queue->tail = state->undo_tail;
    for (size_t i = 0; i < queue->taken.count; i++)
        heap_add(&queue->returned, queue->taken.items[i]);
    queue->returning.count = queue->taken.count = 0;
}
