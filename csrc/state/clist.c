#include "state/clist.h"

#include "base/hash.h"
#include "state/internal.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/rows/columns.h"
#include "state/rows/row.h"
#include "state/vat_record.h"
#include "store/query.h"

#include <assert.h>
#include <stdlib.h>

static uint64_t
hash_of(uint64_t vat, struct vref vref)
{
    return hash_number(vat * UINT64_C(0x9e3779b97f4a7c15) ^ vref.word);
}

#define AT(member) .offset = offsetof(struct clist_entry, member)

static const struct column columns[] = {
    {"vat", IS_NUMBER, AT(vat), .role = ROLE_KEY},
    {"vref", IS_VREF, AT(vref), .role = ROLE_KEY},
    {"kref", IS_KREF, AT(kref)},
    {"reachable", IS_BOOL, AT(reachable)},
    {0},
};

static const struct row_select selects[] = {
    {STATEMENT_CLIST_OF_KREF, "kref = ?", "t"},
    {0},
};

/* Between cranks. */
static void
check(const void *row)
{
    const struct clist_entry *entry = row;
    (void)entry;
    assert(vref_is_valid(entry->vref) && !kref_is_none(entry->kref));
    assert(vref_is_promise(entry->vref) == kref_is_promise(entry->kref));
    assert(entry->next == NULL || entry->next->prev == entry);
    assert(entry->prev == NULL || entry->prev->next == entry);
    assert(entry->next == NULL || kref_equal(entry->next->kref, entry->kref));
    assert(entry->next == NULL || entry->next->vat != entry->vat);
}

const struct row_type clist_type = {
    .name = "clist",
    .size = sizeof(struct clist_entry),
    .columns = columns,
    .selects = selects,
    .write_by = STATEMENT_CLIST_WRITE,
    .erase_by = STATEMENT_CLIST_ERASE,
    .check = check,
};

static bool
exists(struct state *state, struct kref kref)
{
    if (kref_is_promise(kref))
        return promise_get(state, kref_number(kref)) != NULL;
    return object_get(state, kref_number(kref)) != NULL;
}

/* The head of the chain of a kref's entries, to be changed: it is in the row of its owner. */
static const struct clist_entry **
edit_chain(struct state *state, struct kref kref)
{
    uint64_t number = kref_number(kref);
    if (kref_is_promise(kref))
        return &promise_edit(state, promise_need(state, number))->first;
    return &object_edit(state, object_need(state, number))->first;
}

static struct clist_entry *
edit(struct state *state, const struct clist_entry *entry)
{
    return row_edit(&state->tables[TABLE_CLIST], &state->journal, entry);
}

static const struct clist_entry *
find(struct state *state, uint64_t vat, struct vref vref)
{
    struct row *row = table_first(&state->tables[TABLE_CLIST], hash_of(vat, vref));
    for (; row != NULL; row = row->next) {
        const struct clist_entry *entry = (const struct clist_entry *)row;
        if (entry->vat == vat && vref_equal(entry->vref, vref))
            return entry;
    }
    return NULL;
}

/* Whether a vref that is not in memory may be in the database. */
static bool
may_be_stored(struct state *state, uint64_t vat, struct vref vref)
{
    const struct vat_record *record = vat_record_get(state, vat);
    if (record == NULL)
        return false;
    uint64_t number = vref_number(vref);
    bool promise = vref_is_promise(vref);
    if (vref_is_import(vref))
        return number < (promise ? record->next_promise : record->next_object);
    if (vref_kind(vref) == REF_DURABLE)
        return true;
    return number <= (promise ? record->promise_mark : record->object_mark);
}

const struct clist_entry *
clist_by_vref(struct state *state, uint64_t vat, struct vref vref)
{
    const struct clist_entry *entry = find(state, vat, vref);
    if (entry != NULL)
        return entry->row.dead ? NULL : entry;
    if (!may_be_stored(state, vat, vref))
        return NULL;
    char text[REF_TEXT_MAX];
    struct query *query =
        db_query(state->db, STATEMENT_CLIST_KREF, (int64_t)vat, vref_print(vref, text));
    bool found = query_next(query);
    struct kref kref = found ? kref_parse(query_bytes(query, 0)) : KREF_NONE;
    query_end(query);
    if (!found)
        return NULL;
    if (kref_is_none(kref) || !exists(state, kref)) {
        db_damaged(state->db, "clist", (int64_t)vat);
        return NULL;
    }
    entry = find(state, vat, vref);
    return entry == NULL || entry->row.dead ? NULL : entry;
}

const struct clist_entry *
clist_first(struct state *state, struct kref kref)
{
    if (!exists(state, kref))
        return NULL;
    uint64_t number = kref_number(kref);
    return kref_is_promise(kref) ? promise_get(state, number)->first
                                 : object_get(state, number)->first;
}

const struct clist_entry *
clist_by_kref(struct state *state, uint64_t vat, struct kref kref)
{
    const struct clist_entry *entry = clist_first(state, kref);
    while (entry != NULL && entry->vat != vat)
        entry = entry->next;
    return entry;
}

const struct clist_entry *
clist_add(struct state *state, uint64_t vat, struct vref vref, struct kref kref)
{
    struct table *table = &state->tables[TABLE_CLIST];
    assert(clist_by_kref(state, vat, kref) == NULL || db_error(state->db) != NULL);
    const struct clist_entry *old = find(state, vat, vref);
    if (old != NULL && !old->row.dead) {
        db_damaged(state->db, "vat", (int64_t)vat); /* its next number is taken */
        clist_remove(state, old);
    }
    struct clist_entry *entry = table_upsert(table, &state->journal, old, hash_of(vat, vref));
    entry->vat = vat;
    entry->vref = vref;
    entry->kref = kref;
    entry->reachable = true;
    const struct clist_entry **chain = edit_chain(state, kref);
    entry->next = *chain;
    if (*chain != NULL)
        edit(state, *chain)->prev = entry;
    *chain = entry;
    assert(clist_by_kref(state, vat, kref) == entry && clist_by_vref(state, vat, vref) == entry);
    return entry;
}

void
clist_set_reachable(struct state *state, const struct clist_entry *entry, bool reachable)
{
    assert(!entry->row.dead);
    edit(state, entry)->reachable = reachable;
}

void
clist_remove(struct state *state, const struct clist_entry *entry)
{
    assert(!entry->row.dead && (entry->next == NULL || entry->next->prev == entry));
    if (entry->next != NULL)
        edit(state, entry->next)->prev = entry->prev;
    if (entry->prev != NULL) {
        assert(entry->prev->next == entry);
        edit(state, entry->prev)->next = entry->next;
    } else {
        const struct clist_entry **chain = edit_chain(state, entry->kref);
        assert(*chain == entry || db_error(state->db) != NULL);
        *chain = entry->next;
    }
    struct clist_entry *removed = edit(state, entry);
    removed->next = removed->prev = NULL;
    row_delete(&state->tables[TABLE_CLIST], &state->journal, entry);
}

void
clist_load(struct state *state, struct kref kref, const struct clist_entry **chain)
{
    char text[REF_TEXT_MAX];
    struct table *table = &state->tables[TABLE_CLIST];
    struct clist_entry *first = NULL;
    struct query *query = db_query(state->db, STATEMENT_CLIST_OF_KREF, kref_print(kref, text));
    while (query_next(query)) {
        uint64_t vat = (uint64_t)query_integer(query, 0);
        struct vref vref = vref_parse(query_bytes(query, 1));
        if (!vref_is_valid(vref) || vref_is_promise(vref) != kref_is_promise(kref)) {
            db_damaged(state->db, "clist", (int64_t)vat);
            break;
        }
        struct clist_entry *entry = table_adopt(table, hash_of(vat, vref));
        columns_read(&table->columns, query, entry);
        entry->next = first;
        if (first != NULL)
            first->prev = entry;
        first = entry;
    }
    query_end(query);
    *chain = first;
    for (const struct clist_entry *entry = first; entry != NULL; entry = entry->next)
        row_seal(table, entry);
}

static int
compare(const void *a, const void *b)
{
    struct vref left = *(const struct vref *)a;
    struct vref right = *(const struct vref *)b;
    if (vref_is_import(left) != vref_is_import(right))
        return vref_is_import(left) ? 1 : -1;
    return (left.word > right.word) - (left.word < right.word);
}

void
clist_vrefs(struct state *state, uint64_t vat, size_t most, struct vref_list *vrefs)
{
    state_flush(state);
    struct query *query = db_query(state->db, STATEMENT_CLIST_VREFS, (int64_t)vat);
    for (size_t i = 0; i < most && query_next(query); i++)
        list_push(vrefs, vref_parse(query_bytes(query, 0)));
    query_end(query);
    if (vrefs->count > 0)
        qsort(vrefs->items, vrefs->count, sizeof *vrefs->items, compare);
}

void
clist_only_imported(struct state *state, size_t most,
    void (*each)(void *context, const struct clist_import *import), void *context)
{
    struct query *query = db_query(state->db, STATEMENT_SUSPECTS, (int64_t)most);
    while (query_next(query)) {
        struct clist_import import = {.kref = kref_parse(query_bytes(query, 0)),
            .owner = (uint64_t)query_integer(query, 1),
            .export = vref_parse(query_bytes(query, 2)),
            .vat = (uint64_t)query_integer(query, 3),
            .vref = vref_parse(query_bytes(query, 4))};
        if (!kref_is_none(import.kref))
            each(context, &import);
    }
    query_end(query);
}
