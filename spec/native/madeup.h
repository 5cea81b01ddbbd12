/* Made-up rows behind a paged table of a vat, for the module that includes this: a sorted list of
 * keys and values, which takes up the changes of the deliveries that are kept, as a database would.
 * What was asked for is counted. */
#ifndef SPEC_NATIVE_MADEUP_H
#define SPEC_NATIVE_MADEUP_H

#include "base/memory.h"
#include "base/read.h"
#include "vat/vat.h"

#include <stdlib.h>
#include <string.h>

struct madeup_row {
    struct bytes key, body, slots; /* each owned */
};

struct madeup {
    struct madeup_row *rows; /* in byte order of the keys */
    size_t count, capacity;
    size_t fetched, scans;
    struct buf lent; /* what get gave last: overwritten by the next, as borrowed bytes may be */
};

static void
madeup_row_free(struct madeup_row *row)
{
    free((void *)(uintptr_t)row->key.data);
    free((void *)(uintptr_t)row->body.data);
    free((void *)(uintptr_t)row->slots.data);
}

/* The first row whose key is not below this one. */
static size_t
madeup_seek(const struct madeup *madeup, struct bytes key)
{
    size_t low = 0, high = madeup->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (bytes_compare(madeup->rows[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
madeup_has(const struct madeup *madeup, size_t at, struct bytes key)
{
    return at < madeup->count && bytes_equal(madeup->rows[at].key, key);
}

static struct bytes
madeup_copy(struct bytes bytes)
{
    return (struct bytes){memory_copy(bytes), bytes.size};
}

static void
madeup_delete(struct madeup *madeup, struct bytes key)
{
    size_t at = madeup_seek(madeup, key);
    if (!madeup_has(madeup, at, key))
        return;
    madeup_row_free(&madeup->rows[at]);
    madeup->count--;
    memmove(
        &madeup->rows[at], &madeup->rows[at + 1], (madeup->count - at) * sizeof(struct madeup_row));
}

static void
madeup_set(struct madeup *madeup, struct bytes key, struct bytes body, struct bytes slots)
{
    madeup_delete(madeup, key);
    size_t at = madeup_seek(madeup, key);
    if (madeup->count == madeup->capacity) {
        madeup->capacity = madeup->capacity * 2 + 16;
        madeup->rows = memory_resize(madeup->rows, madeup->capacity * sizeof(struct madeup_row));
    }
    memmove(
        &madeup->rows[at + 1], &madeup->rows[at], (madeup->count - at) * sizeof(struct madeup_row));
    madeup->rows[at] = (struct madeup_row){madeup_copy(key), madeup_copy(body), madeup_copy(slots)};
    madeup->count++;
}

/* The changes of this space in an outcome that stands. */
static void
madeup_apply(struct madeup *madeup, enum change_space space, struct bytes changes)
{
    struct reader reader = reader_of(changes);
    struct change change;
    while (change_decode(&reader, &change)) {
        if (change.space != space)
            continue;
        if (change.after.present)
            madeup_set(madeup, change.key, change.after.body, change.after.slots);
        else
            madeup_delete(madeup, change.key);
    }
}

static struct entry_value
madeup_get(void *context, enum change_space space, struct bytes key)
{
    struct madeup *madeup = context;
    size_t at = madeup_seek(madeup, key);
    (void)space;
    if (!madeup_has(madeup, at, key))
        return (struct entry_value){0};
    const struct madeup_row *row = &madeup->rows[at];
    madeup->fetched++;
    buf_free(&madeup->lent);
    buf_append(&madeup->lent, row->body.data, row->body.size);
    buf_append(&madeup->lent, row->slots.data, row->slots.size);
    return (struct entry_value){.present = true,
        .body = {madeup->lent.data, row->body.size},
        .slots = {madeup->lent.data == NULL ? NULL : madeup->lent.data + row->body.size,
            row->slots.size}};
}

static void
madeup_scan(void *context, enum change_space space, struct bytes from, entry_visit *visit,
    void *visit_context)
{
    struct madeup *madeup = context;
    (void)space;
    madeup->scans++;
    for (size_t at = madeup_seek(madeup, from); at < madeup->count; at++) {
        const struct madeup_row *row = &madeup->rows[at];
        struct entry_value value = {true, row->body, row->slots};
        madeup->fetched++;
        if (!visit(visit_context, row->key, value))
            return;
    }
}

static void
madeup_close(void *context)
{
    struct madeup *madeup = context;
    for (size_t i = 0; i < madeup->count; i++)
        madeup_row_free(&madeup->rows[i]);
    free(madeup->rows);
    buf_free(&madeup->lent);
    free(madeup);
}

/* The vat's table is paged from now on, without rows at first. The vat frees what this returns. */
static struct madeup *
madeup_page(struct vat *vat, enum change_space space)
{
    struct madeup *madeup = memory_zero(sizeof *madeup);
    struct vat_pager pager = {
        .context = madeup, .get = madeup_get, .scan = madeup_scan, .close = madeup_close};
    vat_page(vat, space, &pager);
    return madeup;
}

#endif
