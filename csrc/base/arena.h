/* Memory that lives exactly as long as one crank: taken in pieces, given back at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *block; /* the newest; NULL while nothing was taken */
    size_t used;               /* in the newest block */
};

/* Zeroed memory, aligned for any type; never NULL. */
void *arena_take(struct arena *arena, size_t size);
struct bytes arena_copy(struct arena *arena, struct bytes bytes);
/* Gives back everything taken, and keeps one block for the next crank. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);
size_t arena_size(const struct arena *arena); /* bytes that it holds */

#endif
