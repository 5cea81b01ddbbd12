#include "state/rows/vat_list.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct vat_list *
make(size_t count)
{
    if (count == 0)
        return NULL;
    struct vat_list *list = memory_new(sizeof *list + count * sizeof *list->vats);
    list->holders = 1;
    list->count = (uint32_t)count;
    return list;
}

struct vat_list *
vat_list_new(const struct number_list *vats)
{
    struct vat_list *list = make(vats->count);
    if (list != NULL)
        memcpy(list->vats, vats->items, vats->count * sizeof *vats->items);
    return list;
}

struct vat_list *
vat_list_hold(struct vat_list *list)
{
    assert(list == NULL || list->holders > 0);
    if (list != NULL)
        list->holders++;
    return list;
}

void
vat_list_drop(struct vat_list *list)
{
    assert(list == NULL || list->holders > 0);
    if (list != NULL && --list->holders == 0)
        free(list);
}

/* How many come before this one. */
static size_t
before(const struct vat_list *list, uint64_t vat)
{
    if (list == NULL)
        return 0;
    const struct number_list vats = {.items = (uint64_t *)list->vats, .count = list->count};
    return numbers_find(&vats, vat);
}

bool
vat_list_has(const struct vat_list *list, uint64_t vat)
{
    size_t at = before(list, vat);
    return list != NULL && at < list->count && list->vats[at] == vat;
}

/* To with the items of from that begin at this one; from may be empty. */
static void
copy(struct vat_list *to, size_t at, const struct vat_list *from, size_t first, size_t count)
{
    assert(count == 0 || (at + count <= to->count && first + count <= from->count));
    if (count > 0)
        memcpy(to->vats + at, from->vats + first, count * sizeof *to->vats);
}

struct vat_list *
vat_list_with(const struct vat_list *list, uint64_t vat)
{
    assert(!vat_list_has(list, vat));
    size_t count = list == NULL ? 0 : list->count, at = before(list, vat);
    struct vat_list *more = make(count + 1);
    copy(more, 0, list, 0, at);
    more->vats[at] = vat;
    copy(more, at + 1, list, at, count - at);
    return more;
}

struct vat_list *
vat_list_without(const struct vat_list *list, uint64_t vat)
{
    assert(vat_list_has(list, vat));
    size_t at = before(list, vat);
    struct vat_list *fewer = make(list->count - 1);
    copy(fewer, 0, list, 0, at);
    copy(fewer, at, list, at + 1, list->count - 1 - at);
    return fewer;
}
