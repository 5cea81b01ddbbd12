#include "base/hash.h"
#include "base/memory.h"
#include "state/internal.h"
#include "store/query.h"

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

const struct row_type clist_type = {
    .name = "clist",
    .size = sizeof(struct clist_entry),
    .columns = columns,
    .selects = selects,
    .write_by = STATEMENT_CLIST_WRITE,
    .erase_by = STATEMENT_CLIST_ERASE,
};

static bool
exists(struct state *state, struct kref kref)
{
    if (kref_is_promise(kref))
        return promise_get(state, kref_number(kref)) != NULL;
    return object_get(state, kref_number(kref)) != NULL;
}

/* The head of the chain of a kref's entries, in the row of its object or promise. */
static struct clist_entry **
chain_of(struct state *state, struct kref kref)
{
    if (kref_is_promise(kref))
        return &promise_need(state, kref_number(kref))->first;
    return &object_need(state, kref_number(kref))->first;
}

static void
touch_owner(struct state *state, struct kref kref)
{
    if (kref_is_promise(kref))
        promise_touch(state, promise_need(state, kref_number(kref)));
    else
        object_touch(state, object_need(state, kref_number(kref)));
}

static void
touch(struct state *state, struct clist_entry *entry)
{
    row_touch(&state->tables[NOUN_CLIST], &state->journal, entry);
}

static struct clist_entry *
find(struct state *state, uint64_t vat, struct vref vref)
{
    struct row *row = table_first(&state->tables[NOUN_CLIST], hash_of(vat, vref));
    for (; row != NULL; row = row->next) {
        struct clist_entry *entry = (struct clist_entry *)row;
        if (entry->vat == vat && vref_equal(entry->vref, vref))
            return entry;
    }
    return NULL;
}

/* Whether a vref that is not in memory may be in the database. */
static bool
may_be_stored(struct state *state, uint64_t vat, struct vref vref)
{
    struct vat_record *record = vat_record_get(state, vat);
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

struct clist_entry *
clist_by_vref(struct state *state, uint64_t vat, struct vref vref)
{
    struct clist_entry *entry = find(state, vat, vref);
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

struct clist_entry *
clist_first(struct state *state, struct kref kref)
{
    return exists(state, kref) ? *chain_of(state, kref) : NULL;
}

struct clist_entry *
clist_by_kref(struct state *state, uint64_t vat, struct kref kref)
{
    struct clist_entry *entry = clist_first(state, kref);
    while (entry != NULL && entry->vat != vat)
        entry = entry->next;
    return entry;
}

static void
link_entry(struct clist_entry **chain, struct clist_entry *entry)
{
    entry->prev = NULL;
    entry->next = *chain;
    if (*chain != NULL)
        (*chain)->prev = entry;
    *chain = entry;
}

struct clist_entry *
clist_add(struct state *state, uint64_t vat, struct vref vref, struct kref kref)
{
    struct clist_entry *entry = find(state, vat, vref);
    if (entry != NULL && !entry->row.dead) {
        db_damaged(state->db, "vat", (int64_t)vat); /* its next number is taken */
        clist_remove(state, entry);
    }
    if (entry == NULL)
        entry = table_insert(&state->tables[NOUN_CLIST], &state->journal, hash_of(vat, vref));
    else
        row_revive(&state->tables[NOUN_CLIST], &state->journal, entry);
    entry->vat = vat;
    entry->vref = vref;
    entry->kref = kref;
    entry->reachable = true;
    struct clist_entry **chain = chain_of(state, kref);
    touch_owner(state, kref);
    if (*chain != NULL)
        touch(state, *chain);
    link_entry(chain, entry);
    return entry;
}

void
clist_set_reachable(struct state *state, struct clist_entry *entry, bool reachable)
{
    touch(state, entry);
    entry->reachable = reachable;
}

void
clist_remove(struct state *state, struct clist_entry *entry)
{
    touch(state, entry);
    if (entry->next != NULL) {
        touch(state, entry->next);
        entry->next->prev = entry->prev;
    }
    if (entry->prev != NULL) {
        touch(state, entry->prev);
        entry->prev->next = entry->next;
    } else {
        touch_owner(state, entry->kref);
        *chain_of(state, entry->kref) = entry->next;
    }
    entry->next = entry->prev = NULL;
    row_delete(&state->tables[NOUN_CLIST], &state->journal, entry);
}

void
clist_load(struct state *state, struct kref kref)
{
    char text[REF_TEXT_MAX];
    struct table *table = &state->tables[NOUN_CLIST];
    struct clist_entry **chain = chain_of(state, kref);
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
        link_entry(chain, entry);
    }
    query_end(query);
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

struct vref *
clist_vrefs(struct state *state, uint64_t vat, size_t most, size_t *count)
{
    state_flush(state);
    struct vref *vrefs = NULL;
    size_t room = 0;
    *count = 0;
    struct query *query = db_query(state->db, STATEMENT_CLIST_VREFS, (int64_t)vat);
    while (*count < most && query_next(query)) {
        if (*count == room) {
            room = room == 0 ? 64 : room * 2;
            vrefs = memory_resize(vrefs, room * sizeof *vrefs);
        }
        vrefs[(*count)++] = vref_parse(query_bytes(query, 0));
    }
    query_end(query);
    if (*count > 0)
        qsort(vrefs, *count, sizeof *vrefs, compare);
    return vrefs;
}

void
clist_only_imported(struct state *state, size_t most,
    void (*each)(void *context, const struct clist_import *import), void *context)
{
    struct query *query = db_query(state->db, STATEMENT_SUSPECTS, (int64_t)most);
    while (query_next(query)) {
        struct clist_import import = {.kref = kref_object((uint64_t)query_integer(query, 0)),
            .owner = (uint64_t)query_integer(query, 1),
            .export = vref_parse(query_bytes(query, 2)),
            .vat = (uint64_t)query_integer(query, 3),
            .vref = vref_parse(query_bytes(query, 4))};
        each(context, &import);
    }
    query_end(query);
}
