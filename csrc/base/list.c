#include "base/list.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 256 /* of room for a list's first items */

void
list_grow(void *items, size_t count, size_t *capacity, size_t size)
{
    assert(count <= *capacity && size > 0);
    if (count < *capacity)
        return;
    size_t few = size >= FIRST_BYTES ? 1 : FIRST_BYTES / size;
    size_t room = *capacity == 0 ? few : *capacity * 2;
    void *memory;
    memcpy(&memory, items, sizeof memory); /* the list's pointer has a type of its own */
    memory = memory_resize(memory, room * size);
    memcpy(items, &memory, sizeof memory);
    *capacity = room;
}

void
list_release(void *items, size_t *count, size_t *capacity)
{
    void *memory;
    memcpy(&memory, items, sizeof memory);
    free(memory);
    memory = NULL;
    memcpy(items, &memory, sizeof memory);
    *count = *capacity = 0;
}
