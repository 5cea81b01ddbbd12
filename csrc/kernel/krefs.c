#include "kernel/krefs.h"

#include <assert.h>
#include <stdlib.h>

static int
compare(const void *a, const void *b)
{
    uint64_t left = ((const struct kref *)a)->word;
    uint64_t right = ((const struct kref *)b)->word;
    return (left > right) - (left < right);
}

void
krefs_sort(struct kref_list *list, size_t first)
{
    assert(first <= list->count);
    if (list->count - first > 1)
        qsort(list->items + first, list->count - first, sizeof *list->items, compare);
}
