#include "vat/durable/rows.h"

#include "base/hash.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define PLACES_MIN 64 /* of the hash; a power of two */

struct bytes
rows_key(const struct stored_row *row)
{
    return (struct bytes){row->key, row->key_size};
}

/* The hash */

static size_t
place_of(const struct rows *rows, struct bytes key, uint64_t hash)
{
    size_t mask = rows->place_count - 1;
    size_t at = hash & mask;
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
    size_t high = rows->chunk_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (bytes_compare(rows_key(rows->chunks[middle]->rows[0]), key) <= 0)
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
    if (rows->chunk_count == 0)
        return position;
    const struct rows_chunk *chunk = rows->chunks[position.chunk];
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
    if (rows->chunk_count == rows->chunk_capacity) {
        rows->chunk_capacity = rows->chunk_capacity == 0 ? 8 : rows->chunk_capacity * 2;
        rows->chunks =
            memory_resize(rows->chunks, rows->chunk_capacity * sizeof(struct rows_chunk *));
    }
    struct rows_chunk *chunk = memory_new(sizeof *chunk);
    chunk->count = 0;
    memmove(&rows->chunks[at + 1], &rows->chunks[at],
        (rows->chunk_count - at) * sizeof(struct rows_chunk *));
    rows->chunks[at] = chunk;
    rows->chunk_count++;
    return chunk;
}

/* Moves the upper half of a full chunk into a new one; rows that arrive in order fill chunks. */
static struct rows_position
chunk_split(struct rows *rows, struct rows_position position)
{
    struct rows_chunk *upper = chunk_insert(rows, position.chunk + 1);
    struct rows_chunk *lower = rows->chunks[position.chunk];
    size_t keep = position.row == ROWS_CHUNK_MAX ? ROWS_CHUNK_MAX : ROWS_CHUNK_MAX / 2;
    upper->count = ROWS_CHUNK_MAX - keep;
    lower->count = keep;
    memcpy(upper->rows, &lower->rows[keep], upper->count * sizeof(struct stored_row *));
    if (position.row < keep || (position.row == keep && keep < ROWS_CHUNK_MAX))
        return position;
    return (struct rows_position){position.chunk + 1, position.row - keep};
}

static void
order_insert(struct rows *rows, struct stored_row *row)
{
    if (rows->chunk_count == 0)
        chunk_insert(rows, 0);
    struct rows_position position = {.chunk = 0};
    if (rows->count > 0)
        position = position_of(rows, rows_key(row));
    if (rows->chunks[position.chunk]->count == ROWS_CHUNK_MAX)
        position = chunk_split(rows, position);
    struct rows_chunk *chunk = rows->chunks[position.chunk];
    memmove(&chunk->rows[position.row + 1], &chunk->rows[position.row],
        (chunk->count - position.row) * sizeof(struct stored_row *));
    chunk->rows[position.row] = row;
    chunk->count++;
}

static void
order_remove(struct rows *rows, struct stored_row *row)
{
    struct rows_position position = position_of(rows, rows_key(row));
    struct rows_chunk *chunk = rows->chunks[position.chunk];
    chunk->count--;
    memmove(&chunk->rows[position.row], &chunk->rows[position.row + 1],
        (chunk->count - position.row) * sizeof(struct stored_row *));
    if (chunk->count > 0)
        return;
    rows->chunk_count--;
    memmove(&rows->chunks[position.chunk], &rows->chunks[position.chunk + 1],
        (rows->chunk_count - position.chunk) * sizeof(struct rows_chunk *));
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
    for (size_t i = 0; i < rows->chunk_count; i++)
        free(rows->chunks[i]);
    free(rows->chunks);
    free(rows->places);
}

void
rows_close(struct rows *rows)
{
    for (size_t i = 0; i < rows->chunk_count; i++) {
        for (size_t n = 0; n < rows->chunks[i]->count; n++)
            row_free(rows->chunks[i]->rows[n]);
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
    for (size_t i = 0; i < old.chunk_count; i++) {
        for (size_t n = 0; n < old.chunks[i]->count; n++) {
            struct stored_row *row = old.chunks[i]->rows[n];
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
    if (rows->place_count > enough || rows->chunk_count * ROWS_CHUNK_MAX > enough + ROWS_CHUNK_MAX)
        rebuild(rows, false);
}

size_t
rows_size(const struct rows *rows)
{
    return rows->place_count * sizeof(struct stored_row *) +
           rows->chunk_count * sizeof(struct rows_chunk) +
           rows->chunk_capacity * sizeof(struct rows_chunk *);
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
    for (; position->chunk < rows->chunk_count; position->chunk++, position->row = 0) {
        const struct rows_chunk *chunk = rows->chunks[position->chunk];
        if (position->row < chunk->count)
            return chunk->rows[position->row++];
    }
    return NULL;
}
