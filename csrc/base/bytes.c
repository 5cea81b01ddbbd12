#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes
bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

bool
bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int
bytes_compare(struct bytes a, struct bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

uint64_t
hash_number(uint64_t number)
{
    number ^= number >> 32;
    number *= UINT64_C(0xd6e8feb86659fd93);
    number ^= number >> 32;
    number *= UINT64_C(0xd6e8feb86659fd93);
    return number ^ (number >> 32);
}

uint64_t
bytes_hash(struct bytes bytes)
{
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15) ^ bytes.size;
    size_t i = 0;
    for (; i + 8 <= bytes.size; i += 8) {
        uint64_t word;
        memcpy(&word, bytes.data + i, 8);
        hash = hash_number(hash ^ word);
    }
    uint64_t tail = 0;
    for (unsigned shift = 0; i < bytes.size; i++, shift += 8)
        tail |= (uint64_t)bytes.data[i] << shift;
    return hash_number(hash ^ tail);
}

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
