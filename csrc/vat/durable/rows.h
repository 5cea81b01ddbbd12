/* Rows in memory, found by their key at once and in byte order of the keys.
 *
 * A hash finds a key; a sorted list of chunks, each a sorted list of rows, knows the order. Both
 * hold the same rows, which never move. */
#ifndef VAT_DURABLE_ROWS_H
#define VAT_DURABLE_ROWS_H

#include "base/list.h"
#include "vat/durable/stored.h"

#define ROWS_CHUNK_MAX 256

struct stored_row {
    struct stored_value *value;  /* NULL: no such key */
    struct stored_value *before; /* when it changed: the value that the delivery found, or NULL */
    uint64_t hash;
    size_t key_size;
    bool changed;
    uint8_t key[];
};

/* Rows in ascending order of their keys, which lie above those of the chunk before. */
struct rows_chunk {
    size_t count; /* never 0 */
    struct stored_row *rows[ROWS_CHUNK_MAX];
};

struct rows {
    struct stored_row **places; /* the hash: open addressing, at most half full */
    size_t place_count;
    size_t count;
    struct rows_chunk_list LIST(struct rows_chunk *) chunks;
};

/* Where a row is in the order; past the end when chunk == chunks.count. */
struct rows_position {
    size_t chunk;
    size_t row;
};

void rows_open(struct rows *rows);
void rows_close(struct rows *rows); /* with every row */
struct bytes rows_key(const struct stored_row *row);
/* Bytes that it holds, without the value from before, and with its share of hash and order. */
size_t rows_memory(const struct stored_row *row);
struct stored_row *rows_find(const struct rows *rows, struct bytes key);
/* The row of this key, new and without a value when there is none. */
struct stored_row *rows_add(struct rows *rows, struct bytes key);
void rows_remove(struct rows *rows, struct stored_row *row);
/* Removes every row that has not changed. */
void rows_keep_changed(struct rows *rows);
/* Gives back memory that more rows than now have needed. */
void rows_trim(struct rows *rows);
size_t rows_size(const struct rows *rows); /* bytes of hash and order, without the rows */
/* The first row whose key is not below this one: its position, and the row or NULL. */
struct stored_row *rows_seek(
    const struct rows *rows, struct bytes key, struct rows_position *position);
/* The row at the position, which moves on to the next; NULL at the end. */
struct stored_row *rows_next(const struct rows *rows, struct rows_position *position);

#endif
