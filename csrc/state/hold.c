#include "state/hold.h"

#include "base/hash.h"
#include "state/internal.h"
#include "state/rows/columns.h"
#include "state/rows/row.h"
#include "store/query.h"

#include <assert.h>

static const char *const kind_names[] = {"pin", "parameters", "host", NULL};

static uint64_t
hash_of(enum hold_kind kind, uint64_t vat, struct kref kref)
{
    return hash_number(hash_number(vat * 4 + kind) ^ kref.word);
}

#define AT(member) .offset = offsetof(struct hold, member)

static const struct column columns[] = {
    {"kind", IS_NAME, AT(kind), .role = ROLE_KEY, .names = kind_names},
    {"vat", IS_NUMBER, AT(vat), .role = ROLE_KEY},
    {"kref", IS_KREF, AT(kref), .role = ROLE_KEY},
    {"count", IS_NUMBER, AT(count)},
    {0},
};

static const struct row_select selects[] = {
    {STATEMENT_HOLD, "kind = ? AND vat = ? AND kref = ?", "tit"},
    {0},
};

/* Between cranks. */
static void
check(const void *row)
{
    const struct hold *hold = row;
    (void)hold;
    assert(hold->count > 0 && !kref_is_none(hold->kref));
    assert(hold->kind != HOLD_PIN || hold->vat == 0);
    assert(hold->kind != HOLD_PARAMETERS || hold->vat != 0);
}

const struct row_type hold_type = {
    .name = "hold",
    .size = sizeof(struct hold),
    .columns = columns,
    .selects = selects,
    .write_by = STATEMENT_HOLD_WRITE,
    .erase_by = STATEMENT_HOLD_ERASE,
    .check = check,
};

/* The count, or 1 when it makes no sense. */
static int64_t
check_count(struct state *state, int64_t count, struct kref kref)
{
    if (count > 0 && count <= HOLD_MOST && !kref_is_none(kref))
        return count;
    db_damaged(state->db, "hold", (int64_t)kref_number(kref));
    return 1;
}

static const struct hold *
find(struct state *state, enum hold_kind kind, uint64_t vat, struct kref kref)
{
    struct row *row = table_first(&state->tables[TABLE_HOLD], hash_of(kind, vat, kref));
    for (; row != NULL; row = row->next) {
        const struct hold *hold = (const struct hold *)row;
        if (hold->kind == kind && hold->vat == vat && kref_equal(hold->kref, kref))
            return hold;
    }
    return NULL;
}

static const struct hold *
get(struct state *state, enum hold_kind kind, uint64_t vat, struct kref kref)
{
    const struct hold *known = find(state, kind, vat, kref);
    if (known != NULL)
        return known;
    char text[REF_TEXT_MAX];
    struct table *table = &state->tables[TABLE_HOLD];
    struct query *query =
        db_query(state->db, STATEMENT_HOLD, kind_names[kind], (int64_t)vat, kref_print(kref, text));
    struct hold *hold = NULL;
    if (query_next(query)) {
        hold = table_adopt(table, hash_of(kind, vat, kref));
        columns_read(&table->columns, query, hold);
        hold->count = check_count(state, hold->count, kref);
        row_seal(table, hold);
    }
    query_end(query);
    return hold;
}

void
hold_add(struct state *state, enum hold_kind kind, uint64_t vat, struct kref kref)
{
    struct table *table = &state->tables[TABLE_HOLD];
    assert(!kref_is_none(kref));
    const struct hold *old = get(state, kind, vat, kref);
    struct hold *hold = table_upsert(table, &state->journal, old, hash_of(kind, vat, kref));
    hold->kind = kind;
    hold->vat = vat;
    hold->kref = kref;
    hold->count++;
    assert(hold->count > 0);
}

bool
hold_remove(struct state *state, enum hold_kind kind, uint64_t vat, struct kref kref)
{
    struct table *table = &state->tables[TABLE_HOLD];
    const struct hold *old = get(state, kind, vat, kref);
    if (old == NULL || old->row.dead)
        return false;
    assert(old->count > 0);
    struct hold *hold = row_edit(table, &state->journal, old);
    if (--hold->count == 0)
        row_delete(table, &state->journal, hold);
    return true;
}

void
hold_left_over(struct state *state, uint64_t opening, size_t most, struct hold_rows *rows)
{
    state_flush(state);
    struct query *query =
        db_query(state->db, STATEMENT_HOLDS_LEFT_OVER, (int64_t)opening, (int64_t)most);
    while (query_next(query)) {
        struct kref kref = kref_parse(query_bytes(query, 1));
        struct hold_row row = {(uint64_t)query_integer(query, 0), kref,
            check_count(state, query_integer(query, 2), kref)};
        list_push(rows, row);
    }
    query_end(query);
}
