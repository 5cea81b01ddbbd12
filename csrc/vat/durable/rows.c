#include "vat/durable/rows.h"

#include "base/hash.h"
#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MIN 64 /* of the hash; a power of two */

struct bytes
rows_key(const struct stored_row *row)
{
    return (struct bytes){row->key, row->key_size};
}

size_t
rows_memory(const struct stored_row *row)
{
    return sizeof *row + row->key_size + stored_memory(row->value) + 4 * sizeof row;
}

/* The hash */

static size_t
place_of(const struct rows *rows, struct bytes key, uint64_t hash)
{
    size_t mask = rows->place_count - 1;
    size_t at = hash & mask;
    assert((rows->place_count & mask) == 0 && rows->count * 2 <= rows->place_count);
    for (; rows->places[at] != NULL; at = (at + 1) & mask) {
        const struct stored_row *row = rows->places[at];
        if (row->hash == hash && bytes_equal(rows_key(row), key))
            break;
    }
    return at;
}

static void
places_grow(struct rows *rows)
{
    struct stored_row **old = rows->places;
    size_t old_count = rows->place_count;
    rows->place_count *= 2;
    rows->places = memory_zero(rows->place_count * sizeof(struct stored_row *));
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] != NULL)
            rows->places[place_of(rows, rows_key(old[i]), old[i]->hash)] = old[i];
    }
    free(old);
}

/* Empties the place and closes the gap, so that every row is still found from where it belongs. */
static void
place_clear(struct rows *rows, size_t gap)
{
    size_t mask = rows->place_count - 1;
    size_t at = gap;
    assert(rows->places[gap] != NULL);
    for (;;) {
        at = (at + 1) & mask;
        struct stored_row *row = rows->places[at];
        if (row == NULL)
            break;
        if (((at - row->hash) & mask) >= ((at - gap) & mask)) {
            rows->places[gap] = row;
            gap = at;
        }
    }
    rows->places[gap] = NULL;
}

/* The order */

/* The last chunk whose first key is not above this one; 0 when there is none. */
static size_t
chunk_of(const struct rows *rows, struct bytes key)
{
    size_t low = 0;
    size_t high = rows->chunks.count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (bytes_compare(rows_key(rows->chunks.items[middle]->rows[0]), key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The first row whose key is not below this one, in the chunk where such a key belongs: its
   position may be just behind that chunk's rows. */
static struct rows_position
position_of(const struct rows *rows, struct bytes key)
{
    struct rows_position position = {.chunk = chunk_of(rows, key)};
    if (rows->chunks.count == 0)
        return position;
    const struct rows_chunk *chunk = rows->chunks.items[position.chunk];
    size_t high = chunk->count;
    while (position.row < high) {
        size_t middle = (position.row + high) / 2;
        if (bytes_compare(rows_key(chunk->rows[middle]), key) < 0)
            position.row = middle + 1;
        else
            high = middle;
    }
    return position;
}

static struct rows_chunk *
chunk_insert(struct rows *rows, size_t at)
{
    struct rows_chunk *chunk = memory_new(sizeof *chunk);
    chunk->count = 0;
    assert(at <= rows->chunks.count);
    list_push(&rows->chunks, chunk);
    for (size_t i = rows->chunks.count - 1; i > at; i--)
        rows->chunks.items[i] = rows->chunks.items[i - 1];
    rows->chunks.items[at] = chunk;
    return chunk;
}

/* Moves the upper half of a full chunk into a new one; rows that arrive in order fill chunks. */
static struct rows_position
chunk_split(struct rows *rows, struct rows_position position)
{
    struct rows_chunk *upper = chunk_insert(rows, position.chunk + 1);
    struct rows_chunk *lower = rows->chunks.items[position.chunk];
    size_t keep = position.row == ROWS_CHUNK_MAX ? ROWS_CHUNK_MAX : ROWS_CHUNK_MAX / 2;
    upper->count = ROWS_CHUNK_MAX - keep;
    lower->count = keep;
    memcpy(upper->rows, &lower->rows[keep], upper->count * sizeof(struct stored_row *));
    if (position.row < keep || (position.row == keep && keep < ROWS_CHUNK_MAX))
        return position;
    return (struct rows_position){position.chunk + 1, position.row - keep};
}

#ifndef NDEBUG
static const struct stored_row *
last_of(const struct rows_chunk *chunk)
{
    assert(chunk->count > 0);
    return chunk->rows[chunk->count - 1];
}

/* The row at the position and its neighbors are in order, as far as this chunk and the ends of
   those beside it tell. */
static bool
is_ordered(const struct rows *rows, struct rows_position position)
{
    const struct rows_chunk *chunk = rows->chunks.items[position.chunk];
    struct bytes key = rows_key(chunk->rows[position.row]);
    const struct stored_row *before = NULL;
    const struct stored_row *behind = NULL;
    if (position.row > 0)
        before = chunk->rows[position.row - 1];
    else if (position.chunk > 0)
        before = last_of(rows->chunks.items[position.chunk - 1]);
    if (position.row + 1 < chunk->count)
        behind = chunk->rows[position.row + 1];
    else if (position.chunk + 1 < rows->chunks.count)
        behind = rows->chunks.items[position.chunk + 1]->rows[0];
    return (before == NULL || bytes_compare(rows_key(before), key) < 0) &&
           (behind == NULL || bytes_compare(key, rows_key(behind)) < 0);
}
#endif

static void
order_insert(struct rows *rows, struct stored_row *row)
{
    if (rows->chunks.count == 0)
        chunk_insert(rows, 0);
    struct rows_position position = {.chunk = 0};
    if (rows->count > 0)
        position = position_of(rows, rows_key(row));
    if (rows->chunks.items[position.chunk]->count == ROWS_CHUNK_MAX)
        position = chunk_split(rows, position);
    struct rows_chunk *chunk = rows->chunks.items[position.chunk];
    memmove(&chunk->rows[position.row + 1], &chunk->rows[position.row],
        (chunk->count - position.row) * sizeof(struct stored_row *));
    chunk->rows[position.row] = row;
    chunk->count++;
    assert(chunk->count <= ROWS_CHUNK_MAX && is_ordered(rows, position));
}

static void
order_remove(struct rows *rows, struct stored_row *row)
{
    struct rows_position position = position_of(rows, rows_key(row));
    struct rows_chunk *chunk = rows->chunks.items[position.chunk];
    assert(position.row < chunk->count && chunk->rows[position.row] == row);
    chunk->count--;
    memmove(&chunk->rows[position.row], &chunk->rows[position.row + 1],
        (chunk->count - position.row) * sizeof(struct stored_row *));
    if (chunk->count > 0)
        return;
    rows->chunks.count--;
    memmove(&rows->chunks.items[position.chunk], &rows->chunks.items[position.chunk + 1],
        (rows->chunks.count - position.chunk) * sizeof(struct rows_chunk *));
    free(chunk);
}

/* Rows */

void
rows_open(struct rows *rows)
{
    *rows = (struct rows){.place_count = PLACES_MIN};
    rows->places = memory_zero(PLACES_MIN * sizeof(struct stored_row *));
}

static void
row_free(struct stored_row *row)
{
    free(row->value);
    free(row->before);
    free(row);
}

static void
free_lists(struct rows *rows)
{
    for (size_t i = 0; i < rows->chunks.count; i++)
        free(rows->chunks.items[i]);
    list_free(&rows->chunks);
    free(rows->places);
}

void
rows_close(struct rows *rows)
{
    for (size_t i = 0; i < rows->chunks.count; i++) {
        for (size_t n = 0; n < rows->chunks.items[i]->count; n++)
            row_free(rows->chunks.items[i]->rows[n]);
    }
    free_lists(rows);
}

struct stored_row *
rows_find(const struct rows *rows, struct bytes key)
{
    return rows->places[place_of(rows, key, hash_bytes(key))];
}

static void
insert(struct rows *rows, struct stored_row *row, size_t place)
{
    order_insert(rows, row);
    rows->places[place] = row;
    rows->count++;
    if (rows->count * 2 > rows->place_count)
        places_grow(rows);
}

struct stored_row *
rows_add(struct rows *rows, struct bytes key)
{
    uint64_t hash = hash_bytes(key);
    size_t place = place_of(rows, key, hash);
    if (rows->places[place] != NULL)
        return rows->places[place];
    struct stored_row *row = memory_zero(sizeof *row + key.size);
    row->hash = hash;
    row->key_size = key.size;
    if (key.size > 0)
        memcpy(row->key, key.data, key.size);
    insert(rows, row, place);
    return row;
}

void
rows_remove(struct rows *rows, struct stored_row *row)
{
    order_remove(rows, row);
    place_clear(rows, place_of(rows, rows_key(row), row->hash));
    rows->count--;
    row_free(row);
}

static void
rebuild(struct rows *rows, bool changed_alone)
{
    struct rows old = *rows;
    rows_open(rows);
    for (size_t i = 0; i < old.chunks.count; i++) {
        for (size_t n = 0; n < old.chunks.items[i]->count; n++) {
            struct stored_row *row = old.chunks.items[i]->rows[n];
            if (row->changed || !changed_alone)
                insert(rows, row, place_of(rows, rows_key(row), row->hash));
            else
                row_free(row);
        }
    }
    free_lists(&old);
}

void
rows_keep_changed(struct rows *rows)
{
    rebuild(rows, true);
}

void
rows_trim(struct rows *rows)
{
    size_t enough = PLACES_MIN > rows->count * 8 ? PLACES_MIN : rows->count * 8;
    if (rows->place_count > enough || rows->chunks.count * ROWS_CHUNK_MAX > enough + ROWS_CHUNK_MAX)
        rebuild(rows, false);
}

size_t
rows_size(const struct rows *rows)
{
    return rows->place_count * sizeof(struct stored_row *) +
           rows->chunks.count * sizeof(struct rows_chunk) + list_memory(&rows->chunks);
}

struct stored_row *
rows_seek(const struct rows *rows, struct bytes key, struct rows_position *position)
{
    *position = position_of(rows, key);
    return rows_next(rows, position);
}

struct stored_row *
rows_next(const struct rows *rows, struct rows_position *position)
{
    for (; position->chunk < rows->chunks.count; position->chunk++, position->row = 0) {
        const struct rows_chunk *chunk = rows->chunks.items[position->chunk];
        if (position->row < chunk->count)
            return chunk->rows[position->row++];
    }
    return NULL;
}
