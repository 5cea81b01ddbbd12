#include "base/hash.h"
#include "base/memory.h"
#include "state/internal.h"
#include "store/query.h"

#include <stdlib.h>

static const char *const kind_names[] = {"pin", "parameters", "host"};

static uint64_t
hash_of(enum hold_kind kind, uint64_t vat, struct kref kref)
{
    return hash_number(hash_number(vat * 4 + kind) ^ kref.word);
}

static void
store(struct state *state, void *row)
{
    struct hold *hold = row;
    char kref[REF_TEXT_MAX];
    db_run(state->db, "INSERT OR REPLACE INTO hold VALUES (?, ?, ?, ?)", "titi",
        kind_names[hold->kind], (int64_t)hold->vat, kref_print(hold->kref, kref), hold->count);
}

static void
erase(struct state *state, void *row)
{
    struct hold *hold = row;
    char kref[REF_TEXT_MAX];
    db_run(state->db, "DELETE FROM hold WHERE kind = ? AND vat = ? AND kref = ?", "tit",
        kind_names[hold->kind], (int64_t)hold->vat, kref_print(hold->kref, kref));
}

const struct row_type hold_type = {sizeof(struct hold), NULL, NULL, store, erase};

static int64_t
query_count(struct state *state, struct query *query, int column, struct kref kref)
{
    int64_t count = query_integer(query, column);
    if (count > 0 && count <= HOLD_MOST && !kref_is_none(kref))
        return count;
    db_damaged(state->db, "hold", (int64_t)kref_number(kref));
    return 1;
}

static struct hold *
find(struct state *state, enum hold_kind kind, uint64_t vat, struct kref kref)
{
    struct row *row = table_first(&state->tables[NOUN_HOLD], hash_of(kind, vat, kref));
    for (; row != NULL; row = row->next) {
        struct hold *hold = (struct hold *)row;
        if (hold->kind == kind && hold->vat == vat && kref_equal(hold->kref, kref))
            return hold;
    }
    return NULL;
}

static struct hold *
get(struct state *state, enum hold_kind kind, uint64_t vat, struct kref kref)
{
    struct hold *hold = find(state, kind, vat, kref);
    if (hold != NULL)
        return hold;
    char text[REF_TEXT_MAX];
    struct query *query =
        db_query(state->db, "SELECT count FROM hold WHERE kind = ? AND vat = ? AND kref = ?", "tit",
            kind_names[kind], (int64_t)vat, kref_print(kref, text));
    if (query_next(query)) {
        hold = table_adopt(&state->tables[NOUN_HOLD], hash_of(kind, vat, kref));
        hold->kind = kind;
        hold->vat = vat;
        hold->kref = kref;
        hold->count = query_count(state, query, 0, kref);
    }
    query_end(query);
    return hold;
}

void
hold_add(struct state *state, enum hold_kind kind, uint64_t vat, struct kref kref)
{
    struct hold *hold = get(state, kind, vat, kref);
    if (hold == NULL)
        hold = table_insert(&state->tables[NOUN_HOLD], &state->journal, hash_of(kind, vat, kref));
    else if (hold->row.dead)
        row_revive(&state->tables[NOUN_HOLD], &state->journal, hold);
    else
        row_touch(&state->tables[NOUN_HOLD], &state->journal, hold);
    hold->kind = kind;
    hold->vat = vat;
    hold->kref = kref;
    hold->count++;
}

bool
hold_remove(struct state *state, enum hold_kind kind, uint64_t vat, struct kref kref)
{
    struct hold *hold = get(state, kind, vat, kref);
    if (hold == NULL || hold->row.dead)
        return false;
    row_touch(&state->tables[NOUN_HOLD], &state->journal, hold);
    if (--hold->count == 0)
        row_delete(&state->tables[NOUN_HOLD], &state->journal, hold);
    return true;
}

struct hold_row *
hold_left_over(struct state *state, uint64_t opening, size_t most, size_t *count)
{
    state_flush(state);
    struct hold_row *rows = NULL;
    *count = 0;
    struct query *query = db_query(state->db,
        "SELECT vat, kref, count FROM hold WHERE kind = 'host' AND vat < ? LIMIT ?", "ii",
        (int64_t)opening, (int64_t)most);
    while (query_next(query)) {
        rows = memory_resize(rows, (*count + 1) * sizeof *rows);
        struct kref kref = query_kref(query, 1);
        rows[(*count)++] = (struct hold_row){
            (uint64_t)query_integer(query, 0), kref, query_count(state, query, 2, kref)};
    }
    query_end(query);
    return rows;
}
