#include "host/past.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/memory.h"
#include "base/read.h"
#include "host/page.h"
#include "kernel/face/history.h"

/* A key that changed since, with the value that the replay must see now. */
struct past_row {
    enum change_space space;
    size_t order; /* of the walk back: what was noted later is older */
    struct bytes key;
    uint8_t *copy; /* owned: key, body, slots */
    struct entry_value value;
};

struct past {
    struct kernel *kernel;
    uint64_t vat;
    struct LIST(struct past_row) rows; /* sorted by space and key, when they are all noted */
    struct buf body, slots;            /* of the row that was fetched last */
};

static void
set_row(struct past_row *row, struct bytes key, struct entry_value value)
{
    uint8_t *copy = memory_new(key.size + value.body.size + value.slots.size + 1);
    struct bytes parts[] = {key, value.body, value.slots};
    uint8_t *at = copy;
    for (int i = 0; i < 3; i++) {
        if (parts[i].size > 0)
            memcpy(at, parts[i].data, parts[i].size);
        parts[i].data = at;
        at += parts[i].size;
    }
    assert(at == copy + key.size + value.body.size + value.slots.size);
    free(row->copy);
    row->copy = copy;
    row->key = parts[0];
    row->value = (struct entry_value){value.present, parts[1], parts[2]};
}

static void
note(void *context, const struct change *change)
{
    struct past *past = context;
    struct past_row row = {.space = change->space, .order = past->rows.count};
    set_row(&row, change->key, change->before);
    list_push(&past->rows, row);
}

static int
compare_keys(enum change_space space, struct bytes key, const struct past_row *row)
{
    if (space != row->space)
        return space < row->space ? -1 : 1;
    return bytes_compare(key, row->key);
}

/* The oldest first among rows of one key. */
static int
compare_rows(const void *a, const void *b)
{
    const struct past_row *first = a;
    const struct past_row *second = b;
    int order = compare_keys(first->space, first->key, second);
    if (order != 0)
        return order;
    return (first->order < second->order) - (first->order > second->order);
}

/* Keeps the oldest value of each key. */
static void
sort_rows(struct past *past)
{
    if (past->rows.count > 1)
        qsort(past->rows.items, past->rows.count, sizeof *past->rows.items, compare_rows);
    size_t kept = 0;
    for (size_t i = 0; i < past->rows.count; i++) {
        struct past_row *row = &past->rows.items[i];
        if (kept > 0 && compare_keys(row->space, row->key, &past->rows.items[kept - 1]) == 0)
            free(row->copy);
        else
            past->rows.items[kept++] = *row;
        assert(
            kept < 2 || compare_rows(&past->rows.items[kept - 2], &past->rows.items[kept - 1]) < 0);
    }
    past->rows.count = kept;
}

struct past *
past_open(struct kernel *kernel, uint64_t vat, int64_t position)
{
    struct past *past = memory_zero(sizeof *past);
    past->kernel = kernel;
    past->vat = vat;
    if (!kernel_walk_back(kernel, vat, position, note, past)) {
        past_close(past);
        return NULL;
    }
    sort_rows(past);
    return past;
}

void
past_close(struct past *past)
{
    if (past == NULL)
        return;
    for (size_t i = 0; i < past->rows.count; i++)
        free(past->rows.items[i].copy);
    list_free(&past->rows);
    buf_free(&past->body);
    buf_free(&past->slots);
    free(past);
}

/* The first row that is not below the key. */
static size_t
place_of(const struct past *past, enum change_space space, struct bytes key)
{
    size_t low = 0, high = past->rows.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_keys(space, key, &past->rows.items[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct past_row *
find(const struct past *past, enum change_space space, struct bytes key)
{
    size_t at = place_of(past, space, key);
    bool found = at < past->rows.count && compare_keys(space, key, &past->rows.items[at]) == 0;
    return found ? &past->rows.items[at] : NULL;
}

void
past_apply(struct past *past, struct bytes changes)
{
    struct reader reader = reader_of(changes);
    struct change change;
    while (change_decode(&reader, &change)) {
        struct past_row *row = find(past, change.space, change.key);
        if (row != NULL) /* each key that changes has a row; in another build's replay, maybe not */
            set_row(row, change.key, change.after);
    }
}

/* As a vat's pager */

static struct entry_value
get(void *context, enum change_space space, struct bytes key)
{
    struct past *past = context;
    const struct past_row *row = find(past, space, key);
    if (row != NULL)
        return row->value;
    if (!kernel_row(past->kernel, past->vat, space, key, &past->body, &past->slots))
        return (struct entry_value){0};
    return (struct entry_value){true, buf_view(&past->body), buf_view(&past->slots)};
}

struct scan {
    const struct past *past;
    enum change_space space;
    size_t at; /* the next row of the past */
    entry_visit *visit;
    void *context;
    bool stopped;
};

/* The past's rows below the key; all that are left when it is NULL. */
static void
visit_past(struct scan *scan, const struct bytes *key)
{
    const struct past *past = scan->past;
    for (; !scan->stopped && scan->at < past->rows.count; scan->at++) {
        const struct past_row *row = &past->rows.items[scan->at];
        bool below =
            key == NULL ? row->space == scan->space : compare_keys(scan->space, *key, row) > 0;
        if (!below)
            return;
        if (row->value.present)
            scan->stopped = !scan->visit(scan->context, row->key, row->value);
    }
}

static bool
visit_today(void *context, struct bytes key, struct entry_value value)
{
    struct scan *scan = context;
    visit_past(scan, &key);
    assert(scan->stopped || scan->at == scan->past->rows.count ||
           compare_keys(scan->space, key, &scan->past->rows.items[scan->at]) <= 0);
    if (!scan->stopped && find(scan->past, scan->space, key) == NULL)
        scan->stopped = !scan->visit(scan->context, key, value);
    return !scan->stopped;
}

static void
scan(void *context, enum change_space space, struct bytes from, entry_visit *visit,
    void *visit_context)
{
    struct past *past = context;
    struct scan scan = {past, space, place_of(past, space, from), visit, visit_context, false};
    kernel_rows(past->kernel, past->vat, space, from, visit_today, &scan);
    visit_past(&scan, NULL);
}

void
past_page(struct past *past, struct vat *vat, bool paged)
{
    const struct vat_pager pager = {.context = past, .get = get, .scan = scan};
    vat_page(vat, SPACE_DURABLE, &pager);
    if (paged)
        vat_page(vat, SPACE_VATSTORE, &pager);
    else
        scan(past, SPACE_VATSTORE, (struct bytes){NULL, 0}, page_load, vat);
}
