#include "base/numbers.h"

#include <assert.h>
#include <string.h>

size_t
numbers_find(const struct number_list *list, uint64_t number)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    assert(low == 0 || list->items[low - 1] < number);
    return low;
}

bool
numbers_have(const struct number_list *list, uint64_t number)
{
    size_t at = numbers_find(list, number);
    return at < list->count && list->items[at] == number;
}

bool
numbers_add(struct number_list *list, uint64_t number)
{
    size_t at = numbers_find(list, number);
    if (at < list->count && list->items[at] == number)
        return false;
    list_push(list, number);
    memmove(list->items + at + 1, list->items + at, (list->count - 1 - at) * sizeof number);
    list->items[at] = number;
    return true;
}

bool
numbers_remove(struct number_list *list, uint64_t number)
{
    size_t at = numbers_find(list, number);
    if (at == list->count || list->items[at] != number)
        return false;
    list->count--;
    memmove(list->items + at, list->items + at + 1, (list->count - at) * sizeof number);
    return true;
}
