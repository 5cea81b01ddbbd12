#include "state/ring.h"

#include "base/memory.h"
#include "state/queue.h"

#include <assert.h>
#include <stdlib.h>

#define PLACES_FIRST 256

void
ring_open(struct ring *ring)
{
    *ring = (struct ring){.capacity = PLACES_FIRST};
    ring->places = memory_zero(PLACES_FIRST * sizeof *ring->places);
}

static const struct queue_item **
place(const struct ring *ring, uint64_t position)
{
    return &ring->places[position & (ring->capacity - 1)];
}

/* Items from head on move to a ring of this capacity. */
static void
resize(struct ring *ring, uint64_t head, uint64_t capacity)
{
    assert(ring->tail - head <= capacity);
    const struct queue_item **places = memory_zero(capacity * sizeof *places);
    for (uint64_t at = head; at != ring->tail; at++)
        places[at & (capacity - 1)] = *place(ring, at);
    free(ring->places);
    ring->places = places;
    ring->capacity = capacity;
}

static size_t
memory(const void *part, size_t item_size)
{
    const struct ring *ring = part;
    (void)item_size;
    return ring->capacity * sizeof *ring->places + list_memory(&ring->returned) +
           list_memory(&ring->returning) + list_memory(&ring->taken);
}

static void
trim(void *part)
{
    struct ring *ring = part;
    uint64_t capacity = PLACES_FIRST;
    assert(!ring->open && ring->returning.count == 0 && ring->taken.count == 0);
    while (capacity < 2 * (ring->tail - ring->head))
        capacity *= 2;
    if (capacity < ring->capacity)
        resize(ring, ring->head, capacity);
    if (ring->returned.count == 0)
        list_free(&ring->returned);
    list_free(&ring->returning);
    list_free(&ring->taken);
}

static void
close(void *part)
{
    struct ring *ring = part;
    free(ring->places);
    list_free(&ring->returned);
    list_free(&ring->returning);
    list_free(&ring->taken);
}

const struct part_kind ring_kind = {memory, trim, close};

void
ring_append(struct ring *ring, const struct queue_item *item)
{
    uint64_t head = ring->open ? ring->undo_head : ring->head;
    assert(ring->head == ring->tail || (*place(ring, ring->tail - 1))->seq < item->seq);
    if (ring->tail - head + 1 >= ring->capacity)
        resize(ring, head, ring->capacity * 2);
    *place(ring, ring->tail++) = item;
}

/* The heap: none is older than the one at half its index */

static void
heap_add(struct item_list *heap, const struct queue_item *item)
{
    list_push(heap, item);
    size_t at = heap->count - 1;
    for (; at > 0 && heap->items[(at - 1) / 2]->seq > item->seq; at = (at - 1) / 2)
        heap->items[at] = heap->items[(at - 1) / 2];
    heap->items[at] = item;
}

static void
heap_take(struct item_list *heap)
{
    const struct queue_item *last = heap->items[--heap->count];
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

const struct queue_item *
ring_first(const struct ring *ring)
{
    const struct queue_item *first = ring->head == ring->tail ? NULL : *place(ring, ring->head);
    if (ring->returned.count > 0 && (first == NULL || ring->returned.items[0]->seq < first->seq))
        first = ring->returned.items[0];
    return first;
}

void
ring_take(struct ring *ring, const struct queue_item *first)
{
    assert(ring->open && ring_first(ring) == first);
    if (ring->returned.count == 0 || ring->returned.items[0] != first) {
        ring->head++;
    } else {
        list_push(&ring->taken, ring->returned.items[0]);
        heap_take(&ring->returned);
    }
}

void
ring_return(struct ring *ring, const struct queue_item *item)
{
    assert(ring->open && item->place == QUEUE_RUN);
    list_push(&ring->returning, item);
}

struct item_list
ring_step_aside(struct ring *ring)
{
    struct item_list younger = {0};
    assert(!ring->open);
    for (uint64_t at = ring->head; at != ring->tail; at++)
        list_push(&younger, *place(ring, at));
    ring->tail = ring->head;
    return younger;
}

void
ring_step_back(struct ring *ring, struct item_list *younger)
{
    assert(!ring->open);
    for (size_t i = 0; i < younger->count; i++)
        ring_append(ring, younger->items[i]);
    list_free(younger);
}

void
ring_empty(struct ring *ring)
{
    assert(!ring->open && ring->returning.count == 0);
    ring->head = ring->tail;
    ring->returned.count = 0;
}

void
ring_begin(struct ring *ring)
{
    assert(!ring->open && ring->returning.count == 0 && ring->taken.count == 0);
    ring->open = true;
    ring->undo_head = ring->head;
    ring->undo_tail = ring->tail;
}

static void
end(struct ring *ring)
{
    assert(ring->open);
    ring->open = false;
    ring->returning.count = ring->taken.count = 0;
}

void
ring_keep(struct ring *ring)
{
    for (size_t i = 0; i < ring->returning.count; i++)
        heap_add(&ring->returned, ring->returning.items[i]);
    end(ring);
}

void
ring_undo(struct ring *ring)
{
    ring->head = ring->undo_head;
    ring->tail = ring->undo_tail;
    for (size_t i = 0; i < ring->taken.count; i++)
        heap_add(&ring->returned, ring->taken.items[i]);
    end(ring);
}
