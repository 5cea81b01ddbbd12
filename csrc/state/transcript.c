#include "state/transcript.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/read.h"
#include "state/internal.h"
#include "state/vat_record.h"
#include "store/query.h"

#include <assert.h>
#include <stdlib.h>

/* What one vat did in this block. */
struct transcript_block {
    struct transcript_block *next;
    uint64_t vat;
    int64_t incarnation;
    int64_t position; /* of its first entry */
    int64_t count;
    struct buf entries;
    struct buf before;
};

uint64_t
transcript_hash(struct bytes changes)
{
    return changes.size == 0 ? 0 : hash_bytes(changes);
}

static struct transcript_block *
block_of(struct state *state, uint64_t vat)
{
    struct transcript_block **link = &state->blocks;
    while (*link != NULL && (*link)->vat != vat)
        link = &(*link)->next;
    struct transcript_block *block = *link;
    if (block == NULL)
        return NULL;
    /* to the front: the vats of a block come again and again */
    *link = block->next;
    block->next = state->blocks;
    state->blocks = block;
    return block;
}

void
transcript_append(struct state *state, uint64_t vat, const struct transcript_entry *entry)
{
    assert(state->journal.open && vat != 0);
    state->applied = true;
    buf_number(&state->pending, vat);
    size_t size = entry->delivery.size + entry->syscalls.size + 40;
    struct buf *pending = &state->pending;
    buf_reserve(pending, size);
    buf_bytes(pending, entry->delivery);
    buf_bytes(pending, entry->syscalls);
    buf_append(pending, &entry->changes, sizeof entry->changes);
}

static struct transcript_block *
new_block(struct state *state, uint64_t vat)
{
    const struct vat_record *record = vat_record_get(state, vat);
    if (record == NULL)
        return NULL; /* it ended in this very crank */
    struct transcript_block *block = memory_zero(sizeof *block);
    block->vat = vat;
    block->incarnation = record->incarnation;
    block->position = record->position - 1; /* the crank counted its delivery already */
    block->next = state->blocks;
    state->blocks = block;
    return block;
}

void
transcript_keep(struct state *state)
{
    struct reader reader = reader_of(buf_view(&state->pending));
    while (read_more(&reader)) {
        uint64_t vat = read_number(&reader);
        const uint8_t *start = reader.at;
        read_bytes(&reader);
        read_bytes(&reader);
        reader.at += sizeof(uint64_t);
        struct transcript_block *block = block_of(state, vat);
        if (block == NULL)
            block = new_block(state, vat);
        if (block == NULL)
            continue;
        buf_append(&block->entries, start, (size_t)(reader.at - start));
        block->count++;
    }
    buf_clear(&state->pending);
}

void
transcript_before(struct state *state, uint64_t vat, struct bytes change)
{
    struct transcript_block *block = block_of(state, vat);
    if (block != NULL)
        buf_append(&block->before, change.data, change.size);
}

static void
free_block(struct transcript_block *block)
{
    buf_free(&block->entries);
    buf_free(&block->before);
    free(block);
}

void
transcript_flush(struct state *state)
{
    while (state->blocks != NULL) {
        struct transcript_block *block = state->blocks;
        state->blocks = block->next;
        db_run(state->db, STATEMENT_TRANSCRIPT_ADD, (int64_t)block->vat, block->position,
            block->incarnation, block->count, buf_view(&block->entries), buf_view(&block->before));
        free_block(block);
    }
}

void
transcript_free(struct state *state)
{
    while (state->blocks != NULL) {
        struct transcript_block *block = state->blocks;
        state->blocks = block->next;
        free_block(block);
    }
}

/* The entries of one row; false when each returned false. A malformed one sets reader->bad. */
static bool
replay_row(struct reader *reader, int64_t position, replay_each *each, void *context)
{
    while (read_more(reader)) {
        struct transcript_entry entry = {0};
        entry.delivery = read_bytes(reader);
        entry.syscalls = read_bytes(reader);
        for (unsigned i = 0; i < 8; i++)
            entry.changes |= (uint64_t)read_byte(reader) << (8 * i);
        if (!reader->bad && !each(context, position++, &entry))
            return false;
    }
    return true;
}

/* The vat's rows are all in the file then. Bringing vats back one after the other must not write
   all that the block has each time. */
static void
flush_vat(struct state *state, uint64_t vat)
{
    if (block_of(state, vat) != NULL)
        state_flush(state);
}

enum replay_end
transcript_replay(struct state *state, uint64_t vat, int64_t incarnation, int64_t from,
    replay_each *each, void *context)
{
    flush_vat(state, vat);
    struct query *query =
        db_query(state->db, STATEMENT_TRANSCRIPT, (int64_t)vat, from, incarnation);
    enum replay_end end = REPLAY_DONE;
    while (end == REPLAY_DONE && query_next(query)) {
        struct reader reader = reader_of(query_bytes(query, 1));
        if (!replay_row(&reader, query_integer(query, 0), each, context))
            end = REPLAY_STOPPED;
        else if (reader.bad)
            end = REPLAY_DAMAGED;
    }
    query_end(query);
    return end;
}

bool
transcript_walk_back(struct state *state, uint64_t vat, int64_t incarnation, int64_t from,
    void (*each)(void *context, const struct change *change), void *context)
{
    flush_vat(state, vat);
    struct query *query =
        db_query(state->db, STATEMENT_TRANSCRIPT_BACK, (int64_t)vat, from, incarnation);
    bool good = true;
    while (good && query_next(query)) {
        struct reader reader = reader_of(query_bytes(query, 0));
        struct change change;
        while (change_decode(&reader, &change))
            each(context, &change);
        good = !reader.bad;
    }
    query_end(query);
    return good;
}

size_t
transcript_delete_some(struct state *state, uint64_t vat, size_t most)
{
    state_flush(state);
    db_begin(state->db);
    db_run(state->db, STATEMENT_TRANSCRIPT_ERASE_SOME, (int64_t)vat, (int64_t)most);
    return db_changes(state->db);
}

int64_t
transcript_prune(struct state *state, uint64_t vat, int64_t position)
{
    state_flush(state);
    struct query *query = db_query(state->db, STATEMENT_TRANSCRIPT_COUNT, (int64_t)vat, position);
    int64_t deliveries = query_next(query) ? query_integer(query, 0) : 0;
    query_end(query);
    db_begin(state->db);
    db_run(state->db, STATEMENT_TRANSCRIPT_PRUNE, (int64_t)vat, position);
    return deliveries;
}
