#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
checked(void *memory, size_t size)
{
    if (memory == NULL && size > 0) {
        fprintf(stderr, "moonvat: out of memory (%zu bytes)\n", size);
        abort();
    }
    return memory;
}

void *
memory_new(size_t size)
{
    return checked(malloc(size), size);
}

void *
memory_zero(size_t size)
{
    return checked(calloc(1, size), size);
}

void *
memory_resize(void *memory, size_t size)
{
    return checked(realloc(memory, size), size);
}

uint8_t *
memory_copy(struct bytes bytes)
{
    uint8_t *copy = memory_new(bytes.size + 1);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = 0;
    return copy;
}

char *
memory_text(const char *text)
{
    return text == NULL ? NULL : (char *)memory_copy(bytes_of(text));
}
