#include "state/internal.h"

#include <stdlib.h>

/* A key that changed in this block. */
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

static void
retain(void *row)
{
    struct stored *stored = row;
    blob_hold(stored->key);
    blob_hold(stored->value);
    blob_hold(stored->slots);
    blob_hold(stored->before);
}

static void
release(void *row)
{
    struct stored *stored = row;
    blob_drop(stored->key);
    blob_drop(stored->value);
    blob_drop(stored->slots);
    blob_drop(stored->before);
}

static void delete (struct state *state, const struct stored *stored)
{
    int64_t vat = (int64_t)stored->vat;
    struct bytes key = blob_bytes(stored->key);
    if (stored->space == SPACE_VATSTORE)
        db_run(state->db, "DELETE FROM vatstore WHERE vat = ? AND key = ?", "ib", vat, key);
    else
        db_run(state->db, "DELETE FROM durable WHERE vat = ? AND key = ?", "ib", vat, key);
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
        db_run(state->db, "INSERT OR REPLACE INTO vatstore VALUES (?, ?, ?)", "ibb", vat, key,
            blob_bytes(stored->value));
    else
        db_run(state->db, "INSERT OR REPLACE INTO durable VALUES (?, ?, ?, ?)", "ibbs", vat, key,
            blob_bytes(stored->value), blob_bytes(stored->slots));
}

static void
erase(struct state *state, void *row)
{
    delete (state, row);
}

const struct row_type stored_type = {sizeof(struct stored), retain, release, store, erase};

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

static struct stored *
find(struct state *state, uint64_t hash, uint64_t vat, const struct change *change)
{
    struct row *row = table_first(&state->stored, hash);
    for (; row != NULL; row = row->next) {
        struct stored *stored = (struct stored *)row;
        if (row->hash == hash && stored->vat == vat && stored->space == change->space &&
            bytes_equal(blob_bytes(stored->key), change->key))
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
    uint64_t hash = hash_number(bytes_hash(change->key) ^ (vat * 2 + change->space));
    struct stored *stored = find(state, hash, vat, change);
    if (stored == NULL) {
        stored = table_insert(&state->stored, &state->journal, hash);
        stored->vat = vat;
        stored->space = change->space;
        stored->key = blob_new(change->key, NULL, 0);
    } else {
        row_touch(&state->stored, &state->journal, stored);
    }
    if (stored->before == NULL)
        stored->before = encode_before(change);
    blob_drop(stored->value);
    blob_drop(stored->slots);
    stored->present = change->after.present;
    stored->value = blob_new(change->after.body, NULL, 0);
    stored->slots = slots_to_text(change->after.slots);
}

void
vatstore_load(struct state *state, uint64_t vat, enum change_space space,
    void (*each)(void *context, struct bytes key, struct bytes body, struct bytes slots),
    void *context)
{
    state_flush(state);
    struct query *query;
    if (space == SPACE_VATSTORE)
        query = db_query(state->db,
            "SELECT key, value, '' FROM vatstore WHERE vat = ?"
            " ORDER BY key",
            "i", (int64_t)vat);
    else
        query = db_query(state->db,
            "SELECT key, value, slots FROM durable WHERE vat = ?"
            " ORDER BY key",
            "i", (int64_t)vat);
    struct buf slots = {0};
    while (query_next(query)) {
        if (!slots_from_text(query_bytes(query, 2), &slots)) {
            db_damaged(state->db, "durable", (int64_t)vat);
            break;
        }
        each(context, query_bytes(query, 0), query_bytes(query, 1), buf_view(&slots));
    }
    query_end(query);
    buf_free(&slots);
}

size_t
vatstore_delete_some(struct state *state, uint64_t vat, size_t most)
{
    state_flush(state);
    db_begin(state->db);
    db_run(state->db,
        "DELETE FROM vatstore WHERE vat = ?1 AND key IN"
        " (SELECT key FROM vatstore WHERE vat = ?1 LIMIT ?2)",
        "ii", (int64_t)vat, (int64_t)most);
    size_t deleted = db_changes(state->db);
    db_run(state->db,
        "DELETE FROM durable WHERE vat = ?1 AND key IN"
        " (SELECT key FROM durable WHERE vat = ?1 LIMIT ?2)",
        "ii", (int64_t)vat, (int64_t)(most - deleted));
    return deleted + db_changes(state->db);
}
