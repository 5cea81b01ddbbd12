/* A hash finds a key at once; a sorted list of chunks, each a sorted list of rows, knows the order.
 * A row whose value is gone stays in both until the delivery is kept or undone. */
#include "vat/store.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_MAX 256
#define PLACES_MIN 64 /* of the hash; a power of two */

struct value {
    size_t body_size;
    size_t slots_size;
    size_t capacity;
    uint8_t data[]; /* the body, then the slots */
};

struct row {
    struct value *value;  /* NULL: no such key */
    struct value *before; /* when it changed: the value that the delivery found, or NULL */
    uint64_t hash;
    size_t key_size;
    bool changed;
    uint8_t key[];
};

struct chunk {
    size_t count; /* never 0 */
    struct row *rows[CHUNK_MAX];
};

struct store {
    struct row **places; /* the hash: open addressing, at most half full */
    size_t place_count;
    size_t row_count;
    struct chunk **chunks;
    size_t chunk_count, chunk_capacity;
    struct row **changed;
    size_t changed_count, changed_capacity;
};

/* Where a row is in the order; past the end when chunk == chunk_count. */
struct position {
    size_t chunk;
    size_t row;
};

struct store *
store_new(void)
{
    struct store *store = memory_zero(sizeof *store);
    store->places = memory_zero(PLACES_MIN * sizeof(struct row *));
    store->place_count = PLACES_MIN;
    return store;
}

static void
row_free(struct row *row)
{
    free(row->value);
    free(row->before);
    free(row);
}

void
store_free(struct store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < store->chunk_count; i++) {
        for (size_t n = 0; n < store->chunks[i]->count; n++)
            row_free(store->chunks[i]->rows[n]);
        free(store->chunks[i]);
    }
    free(store->chunks);
    free(store->places);
    free(store->changed);
    free(store);
}

static struct bytes
row_key(const struct row *row)
{
    return (struct bytes){row->key, row->key_size};
}

/* Values */

static struct value *
value_new(struct bytes body, struct bytes slots)
{
    size_t size = body.size + slots.size;
    struct value *value = memory_new(sizeof *value + size);
    value->capacity = size;
    return value;
}

/* body and slots may lie in the value itself. */
static void
value_set(struct value *value, struct bytes body, struct bytes slots)
{
    value->body_size = body.size;
    value->slots_size = slots.size;
    if (body.size > 0)
        memmove(value->data, body.data, body.size);
    if (slots.size > 0)
        memmove(value->data + body.size, slots.data, slots.size);
}

static struct entry_value
value_view(const struct value *value)
{
    if (value == NULL)
        return (struct entry_value){0};
    return (struct entry_value){.present = true,
        .body = {value->data, value->body_size},
        .slots = {value->data + value->body_size, value->slots_size}};
}

static bool
value_equal(const struct value *a, const struct value *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->body_size == b->body_size && a->slots_size == b->slots_size &&
           memcmp(a->data, b->data, a->body_size + a->slots_size) == 0;
}

/* The hash */

static size_t
place_of(const struct store *store, struct bytes key, uint64_t hash)
{
    size_t mask = store->place_count - 1;
    size_t at = hash & mask;
    for (; store->places[at] != NULL; at = (at + 1) & mask) {
        const struct row *row = store->places[at];
        if (row->hash == hash && bytes_equal(row_key(row), key))
            break;
    }
    return at;
}

static void
places_grow(struct store *store)
{
    struct row **old = store->places;
    size_t old_count = store->place_count;
    store->place_count *= 2;
    store->places = memory_zero(store->place_count * sizeof(struct row *));
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] != NULL)
            store->places[place_of(store, row_key(old[i]), old[i]->hash)] = old[i];
    }
    free(old);
}

/* Empties the place and closes the gap, so that every row is still found from where it belongs. */
static void
place_clear(struct store *store, size_t gap)
{
    size_t mask = store->place_count - 1;
    size_t at = gap;
    for (;;) {
        at = (at + 1) & mask;
        struct row *row = store->places[at];
        if (row == NULL)
            break;
        if (((at - row->hash) & mask) >= ((at - gap) & mask)) {
            store->places[gap] = row;
            gap = at;
        }
    }
    store->places[gap] = NULL;
}

/* The order */

/* The last chunk whose first key is not above this one; 0 when there is none. */
static size_t
chunk_of(const struct store *store, struct bytes key)
{
    size_t low = 0;
    size_t high = store->chunk_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (bytes_compare(row_key(store->chunks[middle]->rows[0]), key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The first row whose key is not below this one, in the chunk where such a key belongs: its
   position may be just behind that chunk's rows. */
static struct position
position_of(const struct store *store, struct bytes key)
{
    struct position position = {.chunk = chunk_of(store, key)};
    if (store->chunk_count == 0)
        return position;
    const struct chunk *chunk = store->chunks[position.chunk];
    size_t high = chunk->count;
    while (position.row < high) {
        size_t middle = (position.row + high) / 2;
        if (bytes_compare(row_key(chunk->rows[middle]), key) < 0)
            position.row = middle + 1;
        else
            high = middle;
    }
    return position;
}

static struct chunk *
chunk_insert(struct store *store, size_t at)
{
    if (store->chunk_count == store->chunk_capacity) {
        store->chunk_capacity = store->chunk_capacity == 0 ? 8 : store->chunk_capacity * 2;
        store->chunks =
            memory_resize(store->chunks, store->chunk_capacity * sizeof(struct chunk *));
    }
    struct chunk *chunk = memory_new(sizeof *chunk);
    chunk->count = 0;
    memmove(&store->chunks[at + 1], &store->chunks[at],
        (store->chunk_count - at) * sizeof(struct chunk *));
    store->chunks[at] = chunk;
    store->chunk_count++;
    return chunk;
}

/* Moves the upper half of a full chunk into a new one; rows that arrive in order fill chunks. */
static struct position
chunk_split(struct store *store, struct position position)
{
    struct chunk *upper = chunk_insert(store, position.chunk + 1);
    struct chunk *lower = store->chunks[position.chunk];
    size_t keep = position.row == CHUNK_MAX ? CHUNK_MAX : CHUNK_MAX / 2;
    upper->count = CHUNK_MAX - keep;
    lower->count = keep;
    memcpy(upper->rows, &lower->rows[keep], upper->count * sizeof(struct row *));
    if (position.row < keep || (position.row == keep && keep < CHUNK_MAX))
        return position;
    return (struct position){position.chunk + 1, position.row - keep};
}

static void
order_insert(struct store *store, struct row *row)
{
    if (store->chunk_count == 0)
        chunk_insert(store, 0);
    struct position position = {.chunk = 0};
    if (store->row_count > 0)
        position = position_of(store, row_key(row));
    if (store->chunks[position.chunk]->count == CHUNK_MAX)
        position = chunk_split(store, position);
    struct chunk *chunk = store->chunks[position.chunk];
    memmove(&chunk->rows[position.row + 1], &chunk->rows[position.row],
        (chunk->count - position.row) * sizeof(struct row *));
    chunk->rows[position.row] = row;
    chunk->count++;
}

static void
order_remove(struct store *store, struct row *row)
{
    struct position position = position_of(store, row_key(row));
    struct chunk *chunk = store->chunks[position.chunk];
    chunk->count--;
    memmove(&chunk->rows[position.row], &chunk->rows[position.row + 1],
        (chunk->count - position.row) * sizeof(struct row *));
    if (chunk->count > 0)
        return;
    store->chunk_count--;
    memmove(&store->chunks[position.chunk], &store->chunks[position.chunk + 1],
        (store->chunk_count - position.chunk) * sizeof(struct chunk *));
    free(chunk);
}

/* Rows */

static struct row *
row_find(const struct store *store, struct bytes key)
{
    return store->places[place_of(store, key, bytes_hash(key))];
}

static struct row *
row_add(struct store *store, struct bytes key)
{
    uint64_t hash = bytes_hash(key);
    size_t place = place_of(store, key, hash);
    if (store->places[place] != NULL)
        return store->places[place];
    struct row *row = memory_zero(sizeof *row + key.size);
    row->hash = hash;
    row->key_size = key.size;
    if (key.size > 0)
        memcpy(row->key, key.data, key.size);
    order_insert(store, row);
    store->places[place] = row;
    store->row_count++;
    if (store->row_count * 2 > store->place_count)
        places_grow(store);
    return row;
}

static void
row_remove(struct store *store, struct row *row)
{
    order_remove(store, row);
    place_clear(store, place_of(store, row_key(row), row->hash));
    store->row_count--;
    row_free(row);
}

/* Notes the row as changed: the value that it has becomes the one before. */
static void
row_change(struct store *store, struct row *row)
{
    if (row->changed)
        return;
    if (store->changed_count == store->changed_capacity) {
        store->changed_capacity = store->changed_capacity == 0 ? 16 : store->changed_capacity * 2;
        store->changed =
            memory_resize(store->changed, store->changed_capacity * sizeof(struct row *));
    }
    store->changed[store->changed_count++] = row;
    row->changed = true;
    row->before = row->value;
    row->value = NULL;
}

void
store_load(struct store *store, struct bytes key, struct bytes body, struct bytes slots)
{
    struct row *row = row_add(store, key);
    free(row->value);
    row->value = value_new(body, slots);
    value_set(row->value, body, slots);
}

struct entry_value
store_get(const struct store *store, struct bytes key)
{
    const struct row *row = row_find(store, key);
    return row == NULL ? (struct entry_value){0} : value_view(row->value);
}

void
store_set(struct store *store, struct bytes key, struct bytes body, struct bytes slots)
{
    struct row *row = row_add(store, key);
    row_change(store, row);
    struct value *value = row->value;
    if (value == NULL || value->capacity < body.size + slots.size) {
        row->value = value_new(body, slots);
        value_set(row->value, body, slots);
        free(value);
    } else {
        value_set(value, body, slots);
    }
}

void
store_delete(struct store *store, struct bytes key)
{
    struct row *row = row_find(store, key);
    if (row == NULL)
        return;
    row_change(store, row);
    free(row->value);
    row->value = NULL;
}

static bool
view_from(const struct store *store, struct position position, struct bytes *key,
    struct entry_value *value)
{
    for (; position.chunk < store->chunk_count; position.chunk++, position.row = 0) {
        const struct chunk *chunk = store->chunks[position.chunk];
        for (; position.row < chunk->count; position.row++) {
            const struct row *row = chunk->rows[position.row];
            if (row->value != NULL) {
                *key = row_key(row);
                *value = value_view(row->value);
                return true;
            }
        }
    }
    return false;
}

bool
store_seek(const struct store *store, struct bytes at, struct bytes *key, struct entry_value *value)
{
    return view_from(store, position_of(store, at), key, value);
}

bool
store_next(const struct store *store, const struct bytes *after, struct bytes *key,
    struct entry_value *value)
{
    struct position position = {0};
    if (after != NULL) {
        position = position_of(store, *after);
        if (position.chunk < store->chunk_count) {
            const struct chunk *chunk = store->chunks[position.chunk];
            if (position.row < chunk->count &&
                bytes_equal(row_key(chunk->rows[position.row]), *after))
                position.row++;
        }
    }
    return view_from(store, position, key, value);
}

/* Changes */

size_t
store_change_count(const struct store *store)
{
    return store->changed_count;
}

static int
row_compare(const void *a, const void *b)
{
    const struct row *const *first = a;
    const struct row *const *second = b;
    return bytes_compare(row_key(*first), row_key(*second));
}

void
store_changes(struct store *store, enum change_space space, struct buf *changes)
{
    if (store->changed_count > 1)
        qsort(store->changed, store->changed_count, sizeof *store->changed, row_compare);
    for (size_t i = 0; i < store->changed_count; i++) {
        const struct row *row = store->changed[i];
        if (value_equal(row->before, row->value))
            continue;
        struct change change = {.space = space,
            .key = row_key(row),
            .before = value_view(row->before),
            .after = value_view(row->value)};
        change_encode(changes, &change);
    }
}

void
store_keep(struct store *store)
{
    for (size_t i = 0; i < store->changed_count; i++) {
        struct row *row = store->changed[i];
        free(row->before);
        row->before = NULL;
        row->changed = false;
        if (row->value == NULL)
            row_remove(store, row);
    }
    store->changed_count = 0;
}

void
store_undo(struct store *store)
{
    for (size_t i = 0; i < store->changed_count; i++) {
        struct row *row = store->changed[i];
        free(row->value);
        row->value = row->before;
        row->before = NULL;
        row->changed = false;
        if (row->value == NULL)
            row_remove(store, row);
    }
    store->changed_count = 0;
}
