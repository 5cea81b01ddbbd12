/* Lists that grow.
 *
 * A list type is a struct of its own, so that a list of one noun is not taken for one of another:
 *
 *     struct kref_list LIST(struct kref);
 *     struct kref_list list = {0};
 *     list_push(&list, kref);        list.items[0] to list.items[list.count - 1]
 *     list_free(&list);
 *
 * Zeroed, it is empty and owns nothing. Items move when it grows: a pointer to one is good until
 * the next push. Growing doubles the room, so that n pushes copy fewer than 2n items; memory that
 * is out aborts (base/memory.h). What items own is the owner's affair. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/bytes.h"

#define LIST(type)                                                                                 \
    {                                                                                              \
        type *items;                                                                               \
        size_t count, capacity;                                                                    \
    }

/* Adds an item, which is evaluated once, at the end. */
#define list_push(list, item)                                                                      \
    (list_grow(&(list)->items, (list)->count, &(list)->capacity, sizeof *(list)->items),           \
        (list)->items[(list)->count++] = (item))

/* Empties it and gives the memory back. */
#define list_free(list) list_release(&(list)->items, &(list)->count, &(list)->capacity)

/* Bytes that it holds. */
#define list_memory(list) ((list)->capacity * sizeof *(list)->items)

/* For the macros: room for one item more; items is the address of the list's pointer. */
void list_grow(void *items, size_t count, size_t *capacity, size_t size);
void list_release(void *items, size_t *count, size_t *capacity);

#endif
