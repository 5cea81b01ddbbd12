#include "base/part.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"

/* What all list types begin with, whatever their items are. */
struct any_list LIST(void);

static size_t
buf_memory(const void *part, size_t item_size)
{
    (void)item_size;
    return ((const struct buf *)part)->capacity;
}

static void
free_buf(void *part)
{
    buf_free(part);
}

static size_t
arena_memory(const void *part, size_t item_size)
{
    (void)item_size;
    return arena_size(part);
}

static void
free_arena(void *part)
{
    arena_free(part);
}

static size_t
any_list_memory(const void *part, size_t item_size)
{
    return ((const struct any_list *)part)->capacity * item_size;
}

static void
free_list(void *part)
{
    struct any_list *list = part;
    list_release(&list->items, &list->count, &list->capacity);
}

static void
trim_list(void *part)
{
    if (((const struct any_list *)part)->count == 0)
        free_list(part);
}

const struct part_kind part_buf = {buf_memory, free_buf, free_buf};
const struct part_kind part_arena = {arena_memory, free_arena, free_arena};
const struct part_kind part_list = {any_list_memory, trim_list, free_list};

size_t
part_memory(const struct part *parts, const void *owner)
{
    size_t size = 0;
    for (; parts->kind != NULL; parts++)
        size += parts->kind->memory((const char *)owner + parts->offset, parts->item_size);
    return size;
}

void
part_trim(const struct part *parts, void *owner)
{
    for (; parts->kind != NULL; parts++)
        parts->kind->trim((char *)owner + parts->offset);
}

void
part_free(const struct part *parts, void *owner)
{
    for (; parts->kind != NULL; parts++)
        parts->kind->free((char *)owner + parts->offset);
}
