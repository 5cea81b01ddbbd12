#include "state/table.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST 256

enum entry_kind { ENTRY_CREATED, ENTRY_CHANGED };

struct journal_entry {
    enum entry_kind kind;
    struct table *table;
    struct row *row;
    struct row *image; /* of ENTRY_CHANGED: the row as it was */
};

/* Tables */

void
table_open(struct table *table, const struct row_type *type)
{
    *table = (struct table){.type = type, .bucket_count = BUCKETS_FIRST};
    table->buckets = memory_zero(BUCKETS_FIRST * sizeof(struct row *));
    table->dirty.dirty_next = table->dirty.dirty_prev = &table->dirty;
}

struct row *
table_first(const struct table *table, uint64_t hash)
{
    return table->buckets[hash & (table->bucket_count - 1)];
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

void
table_trim(struct table *table)
{
    size_t count = BUCKETS_FIRST;
    while (count < table->count)
        count *= 4;
    if (count < table->bucket_count)
        rehash(table, count);
    free_spare(table);
}

size_t
table_memory(const struct table *table)
{
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

static void
mark_dirty(struct table *table, struct row *row)
{
    if (row->dirty)
        return;
    row->dirty = true;
    row->dirty_prev = table->dirty.dirty_prev;
    row->dirty_next = &table->dirty;
    row->dirty_prev->dirty_next = row;
    table->dirty.dirty_prev = row;
}

static void
mark_clean(struct row *row)
{
    if (!row->dirty)
        return;
    row->dirty = false;
    row->dirty_prev->dirty_next = row->dirty_next;
    row->dirty_next->dirty_prev = row->dirty_prev;
}

static void
release(const struct table *table, void *row)
{
    if (table->type->release != NULL)
        table->type->release(row);
}

/* Takes a row out of the table; what it owns was released, or never held. */
static void
remove_row(struct table *table, struct row *row)
{
    mark_clean(row);
    struct row **link = &table->buckets[row->hash & (table->bucket_count - 1)];
    while (*link != row)
        link = &(*link)->next;
    *link = row->next;
    table->count--;
    row->next = table->spare;
    table->spare = row;
}

void
table_forget(struct table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct row *row = table->buckets[i];
        while (row != NULL) {
            struct row *next = row->next;
            release(table, row);
            free(row);
            row = next;
        }
        table->buckets[i] = NULL;
    }
    table->count = 0;
    table->dirty.dirty_next = table->dirty.dirty_prev = &table->dirty;
}

void
table_close(struct table *table)
{
    if (table->type == NULL)
        return;
    table_forget(table);
    free_spare(table);
    free(table->buckets);
    *table = (struct table){0};
}

/* Rows */

static void
record(struct journal *journal, struct journal_entry entry)
{
    assert(journal->open);
    if (journal->count == journal->capacity) {
        journal->capacity = journal->capacity == 0 ? 64 : journal->capacity * 2;
        journal->entries =
            memory_resize(journal->entries, journal->capacity * sizeof *journal->entries);
    }
    journal->entries[journal->count++] = entry;
}

void *
table_insert(struct table *table, struct journal *journal, uint64_t hash)
{
    struct row *row = new_row(table, hash);
    row->saved_in = journal->number;
    mark_dirty(table, row);
    record(journal, (struct journal_entry){ENTRY_CREATED, table, row, NULL});
    return row;
}

void *
table_adopt(struct table *table, uint64_t hash)
{
    struct row *row = new_row(table, hash);
    row->stored = true;
    return row;
}

void
row_touch(struct table *table, struct journal *journal, void *touched)
{
    struct row *row = touched;
    mark_dirty(table, row); /* again, when it was flushed within this crank */
    if (row->saved_in == journal->number)
        return;
    struct row *image = arena_take(&journal->arena, table->type->size);
    memcpy(image, row, table->type->size);
    if (table->type->retain != NULL)
        table->type->retain(image);
    record(journal, (struct journal_entry){ENTRY_CHANGED, table, row, image});
    row->saved_in = journal->number;
}

void
row_delete(struct table *table, struct journal *journal, void *deleted)
{
    struct row *row = deleted;
    row_touch(table, journal, row);
    row->dead = true;
}

void
row_revive(struct table *table, struct journal *journal, void *revived)
{
    struct row *row = revived;
    row_touch(table, journal, row);
    row->dead = false;
    release(table, row);
    memset((char *)row + sizeof *row, 0, table->type->size - sizeof *row);
}

/* The journal */

void
journal_begin(struct journal *journal)
{
    assert(!journal->open);
    journal->number++;
    journal->open = true;
}

static void
close_journal(struct journal *journal)
{
    journal->count = 0;
    journal->open = false;
    arena_reset(&journal->arena);
}

/* A tombstone that the database need not hear of goes at once. */
static void
bury(struct table *table, struct row *row)
{
    if (!row->dead || row->stored)
        return;
    release(table, row);
    remove_row(table, row);
}

void
journal_commit(struct journal *journal)
{
    for (size_t i = 0; i < journal->count; i++) {
        struct journal_entry *entry = &journal->entries[i];
        if (entry->image != NULL)
            release(entry->table, entry->image);
        bury(entry->table, entry->row);
    }
    close_journal(journal);
}

/* Puts the noun's part of the row back; links and what the database has stay as they are now. */
static void
restore(struct table *table, struct row *row, const struct row *image)
{
    release(table, row);
    memcpy((char *)row + sizeof *row, (const char *)image + sizeof *image,
        table->type->size - sizeof *row);
    row->dead = image->dead;
    row->saved_in = image->saved_in;
    mark_dirty(table, row);
}

void
journal_abort(struct journal *journal)
{
    while (journal->count > 0) {
        struct journal_entry *entry = &journal->entries[--journal->count];
        if (entry->kind == ENTRY_CREATED) {
            entry->row->dead = true;
            mark_dirty(entry->table, entry->row);
        } else {
            restore(entry->table, entry->row, entry->image);
        }
        bury(entry->table, entry->row);
    }
    close_journal(journal);
}

void
journal_free(struct journal *journal)
{
    free(journal->entries);
    arena_free(&journal->arena);
    *journal = (struct journal){.number = journal->number}; /* rows remember it */
}

size_t
journal_memory(const struct journal *journal)
{
    return journal->capacity * sizeof *journal->entries + arena_size(&journal->arena);
}

/* One pass over the dirty rows: those that are dead, or those that are not. */
static void
flush_some(struct table *table, struct journal *journal, struct state *state, bool dead)
{
    struct row *row = table->dirty.dirty_next;
    while (row != &table->dirty) {
        struct row *next = row->dirty_next;
        if (row->dead == dead) {
            mark_clean(row);
            if (!dead)
                table->type->store(state, row);
            else if (row->stored)
                table->type->erase(state, row);
            row->stored = !dead;
            if (!(journal->open && row->saved_in == journal->number))
                bury(table, row);
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
}
