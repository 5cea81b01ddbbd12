#include "base/arena.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)64 * 1024)
#define ALIGNMENT 16

struct arena_block {
    struct arena_block *older;
    size_t size;
    _Alignas(ALIGNMENT) uint8_t data[];
};

void *
arena_take(struct arena *arena, size_t size)
{
    assert(size <= SIZE_MAX / 2);
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (arena->block == NULL || arena->block->size - arena->used < size) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        struct arena_block *block = memory_new(sizeof *block + room);
        block->older = arena->block;
        block->size = room;
        arena->block = block;
        arena->used = 0;
    }
    assert(arena->used + size <= arena->block->size);
    void *memory = arena->block->data + arena->used;
    arena->used += size;
    return memset(memory, 0, size);
}

struct bytes
arena_copy(struct arena *arena, struct bytes bytes)
{
    uint8_t *copy = arena_take(arena, bytes.size);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return (struct bytes){copy, bytes.size};
}

static void
free_older(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void
arena_reset(struct arena *arena)
{
    arena->used = 0;
    if (arena->block == NULL)
        return;
    free_older(arena->block->older);
    arena->block->older = NULL;
    if (arena->block->size > BLOCK_SIZE)
        arena_free(arena);
    assert(arena_size(arena) <= BLOCK_SIZE); /* what one large crank took does not stay */
}

void
arena_free(struct arena *arena)
{
    free_older(arena->block);
    *arena = (struct arena){0};
}

size_t
arena_size(const struct arena *arena)
{
    size_t size = 0;
    for (const struct arena_block *block = arena->block; block != NULL; block = block->older)
        size += block->size;
    return size;
}
