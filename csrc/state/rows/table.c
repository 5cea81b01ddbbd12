#include "state/rows/table.h"

#include "base/hash.h"
#include "base/memory.h"
#include "state/rows/journal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST 256

void
table_open(struct table *table, const struct row_type *type)
{
    *table = (struct table){.type = type, .bucket_count = BUCKETS_FIRST};
    columns_open(&table->columns, type);
    table->buckets = memory_zero(BUCKETS_FIRST * sizeof(struct row *));
    table->dirty.dirty_next = table->dirty.dirty_prev = &table->dirty;
}

struct row *
table_first(const struct table *table, uint64_t hash)
{
    return table->buckets[hash & (table->bucket_count - 1)];
}

bool
table_is_dirty(const struct table *table)
{
    return table->dirty.dirty_next != &table->dirty;
}

static void
rehash(struct table *table, size_t count)
{
    struct row **buckets = memory_zero(count * sizeof(struct row *));
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct row *row = table->buckets[i];
        while (row != NULL) {
            struct row *next = row->next;
            row->next = buckets[row->hash & (count - 1)];
            buckets[row->hash & (count - 1)] = row;
            row = next;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->bucket_count = count;
}

static void
free_spare(struct table *table)
{
    while (table->spare != NULL) {
        struct row *next = table->spare->next;
        free(table->spare);
        table->spare = next;
    }
}

static void
trim(void *part)
{
    struct table *table = part;
    size_t count = BUCKETS_FIRST;
    while (count < table->count)
        count *= 4;
    if (count < table->bucket_count)
        rehash(table, count);
    free_spare(table);
}

static size_t
memory(const void *part, size_t item_size)
{
    const struct table *table = part;
    (void)item_size;
    size_t rows = table->count;
    for (const struct row *row = table->spare; row != NULL; row = row->next)
        rows++;
    return rows * table->type->size + table->bucket_count * sizeof(struct row *);
}

static struct row *
new_row(struct table *table, uint64_t hash)
{
    struct row *row = table->spare;
    if (row != NULL)
        table->spare = row->next;
    else
        row = memory_new(table->type->size);
    memset(row, 0, table->type->size);
    if (table->count >= table->bucket_count)
        rehash(table, table->bucket_count * 4);
    row->hash = hash;
    struct row **bucket = &table->buckets[hash & (table->bucket_count - 1)];
    row->next = *bucket;
    *bucket = row;
    table->count++;
    return row;
}

/* Takes a row out of the table; what it owns was released, or never held. */
static void
remove_row(struct table *table, struct row *row)
{
    assert(table->count > 0);
    row_mark_clean(row);
    struct row **link = &table->buckets[row->hash & (table->bucket_count - 1)];
    while (*link != row)
        link = &(*link)->next;
    *link = row->next;
    table->count--;
    row->next = table->spare;
    table->spare = row;
}

static void
forget_rows(struct table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct row *row = table->buckets[i];
        while (row != NULL) {
            struct row *next = row->next;
            row_release(table, row);
            free(row);
            row = next;
        }
        table->buckets[i] = NULL;
    }
    table->count = 0;
    table->dirty.dirty_next = table->dirty.dirty_prev = &table->dirty;
}

void
table_forget(struct table *table)
{
    assert(!table_is_dirty(table));
    forget_rows(table);
}

static void
close(void *part)
{
    struct table *table = part;
    if (table->type == NULL)
        return;
    forget_rows(table);
    free_spare(table);
    free(table->buckets);
    *table = (struct table){0};
}

const struct part_kind table_kind = {memory, trim, close};

void *
table_insert(struct table *table, struct journal *journal, uint64_t hash)
{
    struct row *row = new_row(table, hash);
    assert(journal->open && !row->stored && !row->dead);
    row->saved_in = journal->number;
    row_mark_dirty(table, row);
    journal_created(journal, table, row);
    return row;
}

void *
table_upsert(struct table *table, struct journal *journal, const void *row, uint64_t hash)
{
    if (row == NULL)
        return table_insert(table, journal, hash);
    bool dead = ((const struct row *)row)->dead;
    return dead ? row_revive(table, journal, row) : row_edit(table, journal, row);
}

void *
table_adopt(struct table *table, uint64_t hash)
{
    struct row *row = new_row(table, hash);
    row->stored = true;
    return row;
}

/* Rows with numbers */

struct row *
table_numbered(const struct table *table, uint64_t number)
{
    struct row *row = table_first(table, hash_number(number));
    for (; row != NULL; row = row->next) {
        uint64_t of_row;
        memcpy(&of_row, row + 1, sizeof of_row);
        if (of_row == number)
            break;
    }
    return row;
}

void *
table_insert_numbered(struct table *table, struct journal *journal, uint64_t number)
{
    struct row *row = table_numbered(table, number);
    assert(table->type->columns->offset == sizeof *row);
    if (row == NULL) {
        row = table_insert(table, journal, hash_number(number));
    } else {
        row_revive(table, journal, row);
        row->other = row->stored;
    }
    memcpy(row + 1, &number, sizeof number);
    return row;
}

void *
table_adopt_numbered(struct table *table, uint64_t number)
{
    assert(table_numbered(table, number) == NULL);
    return table_adopt(table, hash_number(number));
}

void
table_bury(struct table *table, struct row *row)
{
    if (!row->dead || row->stored)
        return;
    row_release(table, row);
    remove_row(table, row);
}

static void
store(struct table *table, struct state *state, struct row *row)
{
    if (table->type->name != NULL)
        columns_write(&table->columns, state, row);
    if (table->type->store != NULL)
        table->type->store(state, row);
    row->stored = true;
    assert(!row->other);
}

static void
erase(struct table *table, struct state *state, struct row *row)
{
    if (table->type->name != NULL)
        columns_erase(&table->columns, state, row);
    if (table->type->erase != NULL)
        table->type->erase(state, row);
    row->stored = row->other = false;
}

/* One pass over the dirty rows: those that are dead, or those that are not. */
static void
flush_some(struct table *table, struct journal *journal, struct state *state, bool dead)
{
    struct row *row = table->dirty.dirty_next;
    while (row != &table->dirty) {
        struct row *next = row->dirty_next;
        bool open = journal->open && row->saved_in == journal->number;
        assert(row->dirty && next->dirty_prev == row);
        if (dead && row->other && row->stored)
            erase(table, state, row);
        if (row->dead == dead) {
            row_mark_clean(row);
            row_verify(table, row);
            if (!dead)
                store(table, state, row);
            else if (row->stored)
                erase(table, state, row);
            if (!open) {
                row_seal(table, row);
                table_bury(table, row);
            }
        }
        row = next;
    }
}

void
table_flush(struct table *table, struct journal *journal, struct state *state)
{
    /* first what goes: what comes may have its unique columns */
    flush_some(table, journal, state, true);
    flush_some(table, journal, state, false);
    assert(!table_is_dirty(table));
}

#ifdef CHECK
#define AT_ONCE 4096 /* buckets */

void
table_check(const struct table *table, uint64_t turn)
{
    size_t count = table->bucket_count < AT_ONCE ? table->bucket_count : AT_ONCE;
    for (size_t i = 0; i < count; i++) {
        const struct row *row = table->buckets[(turn * AT_ONCE + i) & (table->bucket_count - 1)];
        for (; row != NULL; row = row->next) {
            row_verify(table, row);
            assert(!row->dead && !row->dirty && row->stored);
        }
    }
}
#endif
