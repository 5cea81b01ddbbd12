#include "state/vatstore.h"

#include "base/hash.h"
#include "base/read.h"
#include "state/blob.h"
#include "state/internal.h"
#include "state/rows/columns.h"
#include "state/rows/row.h"
#include "state/transcript.h"
#include "store/query.h"

#include <assert.h>

/* A key that changed in this block: of one table or the other, by its space. */
struct stored {
    struct row row;
    uint64_t vat;
    enum change_space space;
    struct blob *key;
    bool present;
    struct blob *value;
    struct blob *slots;  /* vrefs in text */
    struct blob *before; /* an encoded change: the value before the block; NULL once written */
};

static void delete (struct state *state, const struct stored *stored)
{
    int64_t vat = (int64_t)stored->vat;
    struct bytes key = blob_bytes(stored->key);
    bool durable = stored->space == SPACE_DURABLE;
    db_run(state->db, durable ? STATEMENT_DURABLE_ERASE : STATEMENT_VATSTORE_ERASE, vat, key);
}

static void
store(struct state *state, void *row)
{
    struct stored *stored = row;
    int64_t vat = (int64_t)stored->vat;
    struct bytes key = blob_bytes(stored->key);
    if (stored->before != NULL)
        transcript_before(state, stored->vat, blob_bytes(stored->before));
    blob_drop(stored->before);
    stored->before = NULL;
    if (!stored->present)
        delete (state, stored);
    else if (stored->space == SPACE_VATSTORE)
        db_run(state->db, STATEMENT_VATSTORE_SET, vat, key, blob_bytes(stored->value));
    else
        db_run(state->db, STATEMENT_DURABLE_SET, vat, key, blob_bytes(stored->value),
            blob_bytes(stored->slots));
}

static void
erase(struct state *state, void *row)
{
    delete (state, row);
}

#define AT(member) .offset = offsetof(struct stored, member)

static const struct column columns[] = {
    {"key", IS_OWNED, AT(key)},
    {"value", IS_OWNED, AT(value)},
    {"slots", IS_OWNED, AT(slots)},
    {"before", IS_OWNED, AT(before)},
    {0},
};

/* Between cranks. */
static void
check(const void *row)
{
    const struct stored *stored = row;
    (void)stored;
    assert(stored->vat != 0 && stored->key != NULL && stored->before != NULL);
    assert(stored->value != NULL && stored->slots != NULL);
}

const struct row_type vatstore_type = {
    .size = sizeof(struct stored),
    .columns = columns,
    .store = store,
    .erase = erase,
    .check = check,
};

/* Slots travel as numbers and are kept as text that a person can read: "o-3 o+0". */
static struct blob *
slots_to_text(struct bytes numbers)
{
    struct buf text = {0};
    char vref[REF_TEXT_MAX];
    struct reader reader = reader_of(numbers);
    while (read_more(&reader)) {
        if (text.size > 0)
            buf_byte(&text, ' ');
        buf_text(&text, vref_print((struct vref){read_number(&reader)}, vref));
    }
    struct blob *blob = blob_new(buf_view(&text), NULL, 0);
    buf_free(&text);
    return blob;
}

static bool
slots_from_text(struct bytes text, struct buf *numbers)
{
    buf_clear(numbers);
    size_t at = 0;
    while (at < text.size) {
        size_t end = at;
        while (end < text.size && text.data[end] != ' ')
            end++;
        struct vref vref = vref_parse((struct bytes){text.data + at, end - at});
        if (!vref_is_valid(vref))
            return false;
        buf_number(numbers, vref.word);
        at = end + 1;
    }
    return true;
}

static uint64_t
hash_of(uint64_t vat, enum change_space space, struct bytes key)
{
    return hash_number(hash_bytes(key) ^ (vat * 2 + space));
}

static const struct stored *
find(struct state *state, uint64_t vat, enum change_space space, struct bytes key)
{
    uint64_t hash = hash_of(vat, space, key);
    struct row *row = table_first(&state->tables[TABLE_STORED], hash);
    for (; row != NULL; row = row->next) {
        const struct stored *stored = (const struct stored *)row;
        if (row->hash == hash && stored->vat == vat && stored->space == space &&
            bytes_equal(blob_bytes(stored->key), key))
            return stored;
    }
    return NULL;
}

static struct blob *
encode_before(const struct change *change)
{
    struct buf text = {0};
    struct change before = *change;
    before.after = (struct entry_value){0};
    change_encode(&text, &before);
    struct blob *blob = blob_new(buf_view(&text), NULL, 0);
    buf_free(&text);
    return blob;
}

void
vatstore_apply(struct state *state, uint64_t vat, const struct change *change)
{
    struct table *table = &state->tables[TABLE_STORED];
    const struct stored *old = find(state, vat, change->space, change->key);
    state->applied = true;
    struct stored *stored =
        table_upsert(table, &state->journal, old, hash_of(vat, change->space, change->key));
    if (stored->key == NULL) {
        stored->vat = vat;
        stored->space = change->space;
        stored->key = blob_new(change->key, NULL, 0);
    }
    if (stored->before == NULL)
        stored->before = encode_before(change);
    blob_drop(stored->value);
    blob_drop(stored->slots);
    stored->present = change->after.present;
    stored->value = blob_new(change->after.body, NULL, 0);
    stored->slots = slots_to_text(change->after.slots);
}

/* The rows of a query of key, value and slots, while each says true. */
static void
visit(struct state *state, struct query *query, uint64_t vat, entry_visit *each, void *context)
{
    struct buf slots = {0};
    while (query_next(query)) {
        if (!slots_from_text(query_bytes(query, 2), &slots)) {
            db_damaged(state->db, "durable", (int64_t)vat);
            break;
        }
        struct entry_value value = {true, query_bytes(query, 1), buf_view(&slots)};
        if (!each(context, query_bytes(query, 0), value))
            break;
    }
    query_end(query);
    buf_free(&slots);
}

void
vatstore_scan(struct state *state, uint64_t vat, enum change_space space, struct bytes from,
    entry_visit *each, void *context)
{
    if (table_is_dirty(&state->tables[TABLE_STORED]))
        state_flush(state);
    enum statement statement =
        space == SPACE_DURABLE ? STATEMENT_DURABLE_FROM : STATEMENT_VATSTORE_FROM;
    visit(state, db_query(state->db, statement, (int64_t)vat, from), vat, each, context);
}

bool
vatstore_get(struct state *state, uint64_t vat, enum change_space space, struct bytes key,
    struct buf *value, struct buf *slots)
{
    buf_clear(value);
    buf_clear(slots);
    const struct stored *stored = find(state, vat, space, key);
    if (stored != NULL && stored->row.dead)
        return false;
    if (stored != NULL) {
        struct bytes body = blob_bytes(stored->value);
        buf_append(value, body.data, body.size);
        return stored->present && slots_from_text(blob_bytes(stored->slots), slots);
    }
    enum statement statement =
        space == SPACE_DURABLE ? STATEMENT_DURABLE_VALUE : STATEMENT_VATSTORE_VALUE;
    struct query *query = db_query(state->db, statement, (int64_t)vat, key);
    bool found = query_next(query);
    if (found) {
        struct bytes body = query_bytes(query, 0);
        buf_append(value, body.data, body.size);
        if (!slots_from_text(query_bytes(query, 1), slots))
            db_damaged(state->db, "durable", (int64_t)vat);
    }
    query_end(query);
    return found;
}

size_t
vatstore_delete_some(struct state *state, uint64_t vat, size_t most)
{
    state_flush(state);
    db_begin(state->db);
    db_run(state->db, STATEMENT_VATSTORE_ERASE_SOME, (int64_t)vat, (int64_t)most);
    size_t deleted = db_changes(state->db);
    db_run(state->db, STATEMENT_DURABLE_ERASE_SOME, (int64_t)vat, (int64_t)(most - deleted));
    return deleted + db_changes(state->db);
}
