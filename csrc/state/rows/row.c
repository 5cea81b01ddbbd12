#include "state/rows/row.h"

#include "base/hash.h"
#include "state/rows/journal.h"
#include "state/rows/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
row_mark_dirty(struct table *table, struct row *row)
{
    if (row->dirty)
        return;
    row->dirty = true;
    row->dirty_prev = table->dirty.dirty_prev;
    row->dirty_next = &table->dirty;
    row->dirty_prev->dirty_next = row;
    table->dirty.dirty_prev = row;
}

void
row_mark_clean(struct row *row)
{
    if (!row->dirty)
        return;
    assert(row->dirty_prev->dirty_next == row && row->dirty_next->dirty_prev == row);
    row->dirty = false;
    row->dirty_prev->dirty_next = row->dirty_next;
    row->dirty_next->dirty_prev = row->dirty_prev;
}

void
row_release(const struct table *table, void *row)
{
    columns_drop(&table->columns, row);
    if (table->type->release != NULL)
        table->type->release(row);
}

#ifdef CHECK
#define BEGINNING 256 /* bytes of a blob */

static uint64_t
sum_of(const struct table *table, const struct row *row)
{
    const struct row_type *type = table->type;
    size_t end = type->loose == 0 ? type->size : type->loose;
    struct bytes noun = {(const uint8_t *)row + sizeof *row, end - sizeof *row};
    uint64_t sum = hash_bytes(noun) ^ columns_sum(&table->columns, row, BEGINNING) ^ row->dead;
    return sum == 0 ? 1 : sum;
}

void
row_seal(const struct table *table, const void *read)
{
    ((struct row *)read)->sum = sum_of(table, read);
}

void
row_verify(const struct table *table, const void *read)
{
    const struct row *row = read;
    if (row->sum == 0 || row->sum == sum_of(table, row))
        return;
    const char *name = table->type->name != NULL ? table->type->name : "of changed keys";
    fprintf(stderr, "Assertion failed: a row of the table %s changed without an edit\n", name);
    abort();
}
#endif

void *
row_edit(struct table *table, struct journal *journal, const void *read)
{
    struct row *row = (struct row *)read;
    assert(journal->open && row->saved_in <= journal->number);
    row_mark_dirty(table, row); /* again, when it was flushed within this crank */
    if (row->saved_in == journal->number)
        return row;
    row_verify(table, row);
    struct row *image = journal_image(journal, table, row);
    columns_hold(&table->columns, image);
    if (table->type->retain != NULL)
        table->type->retain(image);
    row->saved_in = journal->number;
#ifdef CHECK
    row->sum = 0;
#endif
    return row;
}

void
row_delete(struct table *table, struct journal *journal, const void *read)
{
    struct row *row = row_edit(table, journal, read);
    assert(!row->dead);
    row->dead = true;
}

void *
row_revive(struct table *table, struct journal *journal, const void *read)
{
    struct row *row = row_edit(table, journal, read);
    assert(row->dead);
    row->dead = false;
    row_release(table, row);
    memset((char *)row + sizeof *row, 0, table->type->size - sizeof *row);
    return row;
}

void
row_restore(struct table *table, struct row *row, const struct row *image)
{
    assert(row->hash == image->hash && row->saved_in > image->saved_in);
    row_release(table, row);
    memcpy((char *)row + sizeof *row, (const char *)image + sizeof *image,
        table->type->size - sizeof *row);
    row->dead = image->dead;
    row->saved_in = image->saved_in;
    row_mark_dirty(table, row);
#ifdef CHECK
    row->sum = image->sum;
    row_verify(table, row); /* it is what it was */
    row_seal(table, row);
#endif
}
