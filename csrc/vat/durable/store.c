/* A row whose value is gone stays in memory until the delivery is kept or undone. In a paged store
 * a row without a value says that the database has none either; what is in memory is the truth. */
#include "vat/durable/store.h"

#include "base/memory.h"
#include "vat/durable/rows.h"
#include "vat/durable/span.h"
#include "vat/durable/stored.h"
#include "vat/vat.h"

#include <assert.h>
#include <stdlib.h>

#define CACHE_MAX ((size_t)4 << 20) /* bytes of unchanged rows of a paged store */
#define BATCH_BYTES ((size_t)64 << 10)

struct store {
    enum change_space space;
    struct rows rows;
    struct stored_row_list LIST(struct stored_row *) changed; /* those whose changed is set */
    size_t changed_size;    /* bytes of their keys and of what was there */
    struct vat_pager pager; /* get is NULL: all rows are in memory */
    size_t cached;          /* bytes of unchanged rows of a paged store */
    struct span span;
    struct buf cursor;
};

struct store *
store_new(enum change_space space)
{
    struct store *store = memory_zero(sizeof *store);
    store->space = space;
    rows_open(&store->rows);
    return store;
}

static void
close_pager(struct store *store)
{
    if (store->pager.close != NULL)
        store->pager.close(store->pager.context);
}

void
store_free(struct store *store)
{
    if (store == NULL)
        return;
    close_pager(store);
    rows_close(&store->rows);
    list_free(&store->changed);
    span_free(&store->span);
    buf_free(&store->cursor);
    free(store);
}

/* Paging */

static bool
is_paged(const struct store *store)
{
    return store->pager.get != NULL;
}

static void
forget_unchanged(struct store *store)
{
    rows_keep_changed(&store->rows);
    store->cached = 0;
    span_forget(&store->span);
}

void
store_page(struct store *store, const struct vat_pager *pager)
{
    assert(store->changed.count == 0);
    close_pager(store);
    store->pager = *pager;
    forget_unchanged(store);
}

bool
store_is_full(const struct store *store)
{
    return store->cached > CACHE_MAX;
}

void
store_trim(struct store *store)
{
    if (store_is_full(store))
        forget_unchanged(store);
}

void
store_release(struct store *store)
{
    assert(store->changed.count == 0 && store->changed_size == 0);
    list_free(&store->changed);
    buf_free(&store->cursor);
    rows_trim(&store->rows);
    if (store->pager.rest != NULL)
        store->pager.rest(store->pager.context);
}

size_t
store_size(const struct store *store)
{
    return rows_size(&store->rows) + list_memory(&store->changed) + store->cursor.capacity;
}

static struct stored_row *
add_fetched(struct store *store, struct bytes key, const struct entry_value *value)
{
    struct stored_row *row = rows_add(&store->rows, key);
    if (value->present) {
        assert(row->value == NULL);
        row->value = stored_new(value->body, value->slots);
    }
    store->cached += rows_memory(row);
    return row;
}

/* The key's row; NULL when there is none, which a paged store remembers as a row without value. */
static struct stored_row *
fetch(struct store *store, struct bytes key)
{
    struct stored_row *row = rows_find(&store->rows, key);
    if (row != NULL || !is_paged(store))
        return row;
    struct entry_value value = store->pager.get(store->pager.context, store->space, key);
    return add_fetched(store, key, &value);
}

/* Rows as they are changed */

/* Notes the row as changed: the value that it has becomes the one before. */
static void
row_change(struct store *store, struct stored_row *row)
{
    if (row->changed)
        return;
    assert(row->before == NULL);
    assert(!is_paged(store) || store->cached >= rows_memory(row));
    if (is_paged(store))
        store->cached -= rows_memory(row); /* until it is kept, it cannot be forgotten */
    list_push(&store->changed, row);
    row->changed = true;
    row->before = row->value;
    store->changed_size += row->key_size + stored_size(row->before);
    row->value = NULL;
}

void
store_load(struct store *store, struct bytes key, struct bytes body, struct bytes slots)
{
    struct stored_row *row = rows_add(&store->rows, key);
    assert(!is_paged(store) && !row->changed);
    free(row->value);
    row->value = stored_new(body, slots);
}

struct entry_value
store_get(struct store *store, struct bytes key)
{
    const struct stored_row *row = fetch(store, key);
    return stored_view(row == NULL ? NULL : row->value);
}

void
store_set(struct store *store, struct bytes key, struct bytes body, struct bytes slots)
{
    struct stored_row *row = is_paged(store) ? fetch(store, key) : rows_add(&store->rows, key);
    row_change(store, row);
    struct stored_value *value = row->value;
    if (value == NULL || !stored_fits(value, body, slots)) {
        row->value = stored_new(body, slots);
        free(value);
    } else {
        stored_set(value, body, slots);
    }
}

void
store_delete(struct store *store, struct bytes key)
{
    struct stored_row *row = fetch(store, key);
    if (row == NULL || row->value == NULL)
        return;
    row_change(store, row);
    free(row->value);
    row->value = NULL;
}

/* Rows in order */

struct fetched {
    struct store *store;
    size_t count, bytes;
    bool full;
    struct bytes last; /* the key of the last row, which lies in the row */
};

static bool
visit(void *context, struct bytes key, struct entry_value value)
{
    struct fetched *fetched = context;
    struct stored_row *row = rows_find(&fetched->store->rows, key);
    if (row == NULL)
        row = add_fetched(fetched->store, key, &value);
    fetched->last = rows_key(row);
    fetched->count++;
    fetched->bytes += value.body.size + value.slots.size;
    fetched->full = fetched->count >= fetched->store->span.batch || fetched->bytes >= BATCH_BYTES;
    return !fetched->full;
}

static void
buf_take(struct buf *buf, struct bytes bytes)
{
    buf_clear(buf);
    buf_append(buf, bytes.data, bytes.size);
}

/* Fetches the rows from the cursor on. It is just behind the span when rows are read in order. */
static void
fetch_span(struct store *store, bool goes_on)
{
    struct bytes from = buf_view(&store->cursor);
    struct fetched fetched = {.store = store};
    span_begin(&store->span, from, goes_on);
    store->pager.scan(store->pager.context, store->space, from, visit, &fetched);
    span_reach(&store->span, fetched.last, !fetched.full);
}

/* The first row with a value from the position on, while all rows there are known. */
static bool
view_from(struct store *store, const struct stored_row *row, struct rows_position *position,
    struct bytes *key, struct entry_value *value)
{
    bool paged = is_paged(store);
    for (; row != NULL; row = rows_next(&store->rows, position)) {
        if (paged && !span_has(&store->span, rows_key(row)))
            return false;
        if (row->value != NULL) {
            *key = rows_key(row);
            *value = stored_view(row->value);
            return true;
        }
    }
    return false;
}

/* The first row with a value from the cursor on. */
static bool
find(struct store *store, struct bytes *key, struct entry_value *value)
{
    struct span *span = &store->span;
    bool goes_on = span_is_behind(span, buf_view(&store->cursor));
    for (;;) {
        if (!span_has(&store->span, buf_view(&store->cursor)))
            fetch_span(store, goes_on);
        struct rows_position position;
        const struct stored_row *row = rows_seek(&store->rows, buf_view(&store->cursor), &position);
        if (view_from(store, row, &position, key, value))
            return true;
        if (span->to_end)
            return false;
        buf_take(&store->cursor, buf_view(&span->high));
        buf_byte(&store->cursor, 0);
        goes_on = true;
    }
}

bool
store_seek(struct store *store, struct bytes at, struct bytes *key, struct entry_value *value)
{
    struct rows_position position;
    if (!is_paged(store))
        return view_from(store, rows_seek(&store->rows, at, &position), &position, key, value);
    buf_take(&store->cursor, at);
    return find(store, key, value);
}

bool
store_next(
    struct store *store, const struct bytes *after, struct bytes *key, struct entry_value *value)
{
    struct bytes from = {NULL, 0};
    if (after == NULL)
        return store_seek(store, from, key, value);
    if (is_paged(store)) {
        buf_take(&store->cursor, *after);
        buf_byte(&store->cursor, 0);
        return find(store, key, value);
    }
    struct rows_position position;
    const struct stored_row *row = rows_seek(&store->rows, *after, &position);
    if (row != NULL && bytes_equal(rows_key(row), *after))
        row = rows_next(&store->rows, &position);
    return view_from(store, row, &position, key, value);
}

/* Changes */

size_t
store_change_count(const struct store *store)
{
    return store->changed.count;
}

size_t
store_change_size(const struct store *store)
{
    return store->changed_size;
}

static int
row_compare(const void *a, const void *b)
{
    const struct stored_row *const *first = a;
    const struct stored_row *const *second = b;
    return bytes_compare(rows_key(*first), rows_key(*second));
}

#ifndef NDEBUG
static size_t
size_of_changes(const struct store *store)
{
    size_t size = 0;
    for (size_t i = 0; i < store->changed.count; i++) {
        const struct stored_row *row = store->changed.items[i];
        size += row->key_size + stored_size(row->before);
    }
    return size;
}
#endif

void
store_changes(struct store *store, struct buf *changes)
{
    assert(store->changed_size == size_of_changes(store));
    if (store->changed.count > 1)
        qsort(
            store->changed.items, store->changed.count, sizeof *store->changed.items, row_compare);
    for (size_t i = 0; i < store->changed.count; i++) {
        const struct stored_row *row = store->changed.items[i];
        assert(row->changed);
        assert(i == 0 || row_compare(&store->changed.items[i - 1], &store->changed.items[i]) < 0);
        if (stored_equal(row->before, row->value))
            continue;
        struct change change = {.space = store->space,
            .key = rows_key(row),
            .before = stored_view(row->before),
            .after = stored_view(row->value)};
        change_encode(changes, &change);
    }
}

/* The changed rows are as the database has them, or will have them. */
static void
settle(struct store *store)
{
    for (size_t i = 0; i < store->changed.count; i++) {
        struct stored_row *row = store->changed.items[i];
        assert(row->changed && row->before == NULL);
        row->changed = false;
        if (is_paged(store))
            store->cached += rows_memory(row);
        else if (row->value == NULL)
            rows_remove(&store->rows, row);
    }
    store->changed.count = 0;
    store->changed_size = 0;
    store_trim(store);
}

void
store_keep(struct store *store)
{
    for (size_t i = 0; i < store->changed.count; i++) {
        struct stored_row *row = store->changed.items[i];
        free(row->before);
        row->before = NULL;
    }
    settle(store);
}

void
store_undo(struct store *store)
{
    for (size_t i = 0; i < store->changed.count; i++) {
        struct stored_row *row = store->changed.items[i];
        free(row->value);
        row->value = row->before;
        row->before = NULL;
    }
    settle(store);
}
