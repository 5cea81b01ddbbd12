#include "state/rows/journal.h"

#include "state/rows/table.h"

#include <assert.h>
#include <string.h>

void
journal_begin(struct journal *journal)
{
    assert(!journal->open && journal->entries.count == 0);
    journal->number++;
    journal->open = true;
}

static void
record(struct journal *journal, struct journal_entry entry)
{
    assert(journal->open);
    list_push(&journal->entries, entry);
}

void
journal_created(struct journal *journal, struct table *table, struct row *row)
{
    record(journal, (struct journal_entry){table, row, NULL});
}

struct row *
journal_image(struct journal *journal, struct table *table, struct row *row)
{
    struct row *image = arena_take(&journal->arena, table->type->size);
    memcpy(image, row, table->type->size);
    record(journal, (struct journal_entry){table, row, image});
    return image;
}

void
journal_check(const struct journal *journal)
{
    assert(journal->open);
#ifdef CHECK
    for (size_t i = 0; i < journal->entries.count; i++) {
        const struct journal_entry *entry = &journal->entries.items[i];
        assert(entry->row->dirty || entry->row->stored != entry->row->dead);
        if (!entry->row->dead && entry->table->type->check != NULL)
            entry->table->type->check(entry->row);
    }
#else
    (void)journal;
#endif
}

static void
close_journal(struct journal *journal)
{
    journal->entries.count = 0;
    journal->open = false;
    arena_reset(&journal->arena);
}

void
journal_commit(struct journal *journal)
{
    assert(journal->open);
    for (size_t i = 0; i < journal->entries.count; i++) {
        struct journal_entry *entry = &journal->entries.items[i];
        assert(entry->row->saved_in == journal->number);
        if (entry->image != NULL)
            row_release(entry->table, entry->image);
        row_seal(entry->table, entry->row);
        table_bury(entry->table, entry->row);
    }
    close_journal(journal);
}

void
journal_abort(struct journal *journal)
{
    assert(journal->open);
    while (journal->entries.count > 0) {
        struct journal_entry *entry = &journal->entries.items[--journal->entries.count];
        assert(entry->row->saved_in == journal->number);
        if (entry->image == NULL) {
            entry->row->dead = true;
            row_mark_dirty(entry->table, entry->row);
            row_seal(entry->table, entry->row);
        } else {
            row_restore(entry->table, entry->row, entry->image);
        }
        table_bury(entry->table, entry->row);
    }
    close_journal(journal);
}

static size_t
memory(const void *part, size_t item_size)
{
    const struct journal *journal = part;
    (void)item_size;
    return list_memory(&journal->entries) + arena_size(&journal->arena);
}

static void
give_back(void *part)
{
    struct journal *journal = part;
    assert(!journal->open); /* rows remember its number */
    list_free(&journal->entries);
    arena_free(&journal->arena);
}

const struct part_kind journal_kind = {memory, give_back, give_back};
