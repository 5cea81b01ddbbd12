#include "state/queue_item.h"

#include "state/blob.h"
#include "state/internal.h"
#include "state/rows/columns.h"
#include "state/rows/row.h"
#include "store/query.h"

#include <assert.h>

static const char *const kind_names[] = {"message", "notify", "upgrade", NULL};

#define AT(member) .offset = offsetof(struct queue_item, member)
#define AT_PLACE(which)                                                                            \
    .optional = true, .tag_at = offsetof(struct queue_item, place), .tag = (which)

static const struct column columns[] = {
    {"seq", IS_NUMBER, AT(seq), .role = ROLE_KEY},
    {"kind", IS_NAME, AT(kind), .names = kind_names},
    {"target", IS_KREF, AT(target)},
    {"method", IS_TEXT, AT(method)},
    {"body", IS_BODY, AT(value)},
    {"slots", IS_SLOTS, AT(value)},
    {"result", IS_KREF, AT(result), .optional = true},
    {"vat", IS_NUMBER, AT(vat), .optional = true},
    {"attempt", IS_NUMBER, AT(attempt)},
    {"on_promise", IS_NUMBER, AT(place_id), AT_PLACE(QUEUE_ON_PROMISE)},
    {"on_vat", IS_NUMBER, AT(place_id), AT_PLACE(QUEUE_ON_VAT)},
    {"on_service", IS_NUMBER, AT(place_id), AT_PLACE(QUEUE_ON_SERVICE)},
    {"on_end", IS_NUMBER, AT(place_id), AT_PLACE(QUEUE_ON_END)},
    {"cause_crank", IS_NUMBER, AT(cause_crank)},
    {"cause_syscall", IS_NUMBER, AT(cause_syscall)},
    {"line", IS_NUMBER, AT(line)},
    {0},
};

static const struct row_select selects[] = {
    {STATEMENT_QUEUE_OF_PROMISE, "on_promise = ? ORDER BY iif(line <> 0, line, seq)", "i"},
    {STATEMENT_QUEUE_OF_VAT, "on_vat = ? ORDER BY seq", "i"},
    {STATEMENT_QUEUE_RUN, /* the limit is QUEUE_ITEM_BATCH */
        "coalesce(on_promise, on_vat, on_service, on_end) IS NULL"
        " AND seq BETWEEN ? AND ? ORDER BY seq LIMIT 1024",
        "ii"},
    {STATEMENT_QUEUE_CALL, "seq = ? AND coalesce(on_service, on_end) IS NOT NULL", "i"},
    {0},
};

/* Between cranks. */
static void
check(const void *row)
{
    const struct queue_item *item = row;
    (void)item;
    assert(item->kind <= QUEUE_UPGRADE && item->place <= QUEUE_ON_END);
    assert(item->value != NULL && item->method != NULL && !kref_is_none(item->target));
    assert(kref_is_none(item->result) || kref_is_promise(item->result));
    assert(item->kind != QUEUE_NOTIFY || kref_is_promise(item->target));
    assert(item->place != QUEUE_RUN || item->place_id == 0);
    const struct queue_item *next = item->parked_next;
    (void)next;
    assert(next == NULL || item->place == QUEUE_ON_PROMISE || item->place == QUEUE_ON_VAT);
    assert(next == NULL || (next->place == item->place && next->place_id == item->place_id));
}

const struct row_type queue_item_type = {
    .name = "queue",
    .size = sizeof(struct queue_item),
    .columns = columns,
    .selects = selects,
    .write_by = STATEMENT_QUEUE_WRITE,
    .erase_by = STATEMENT_QUEUE_ERASE,
    .check = check,
};

struct queue_item *
queue_item_adopt(struct state *state, struct query *query)
{
    struct table *table = &state->tables[TABLE_QUEUE];
    uint64_t seq = (uint64_t)query_integer(query, 0);
    struct queue_item *item = table_adopt_numbered(table, seq);
    bool good = columns_read(&table->columns, query, item);
    good = good && (item->kind != QUEUE_NOTIFY || kref_is_promise(item->target));
    good = good && (kref_is_none(item->result) || kref_is_promise(item->result));
    if (!good || item->value == NULL)
        db_damaged(state->db, "queue", (int64_t)seq);
    if (item->value == NULL)
        item->value = blob_empty();
    return item;
}

struct queue_item *
queue_item_new(struct state *state, enum queue_kind kind)
{
    uint64_t seq = counter_next(state, COUNTER_SEQ);
    struct queue_item *item =
        table_insert_numbered(&state->tables[TABLE_QUEUE], &state->journal, seq);
    item->kind = kind;
    return item;
}

struct queue_item *
queue_item_edit(struct state *state, const struct queue_item *item)
{
    return row_edit(&state->tables[TABLE_QUEUE], &state->journal, item);
}

struct queue_item *
queue_item_in_memory(const struct state *state, uint64_t seq)
{
    return (struct queue_item *)table_numbered(&state->tables[TABLE_QUEUE], seq);
}

const struct queue_item *
queue_item_get(struct state *state, uint64_t seq)
{
    const struct queue_item *item = queue_item_in_memory(state, seq);
    if (item != NULL)
        return item->row.dead ? NULL : item;
    struct query *query = db_query(state->db, STATEMENT_QUEUE_CALL, (int64_t)seq);
    item = query_next(query) ? queue_item_adopt(state, query) : NULL;
    query_end(query);
    if (item != NULL)
        row_seal(&state->tables[TABLE_QUEUE], item);
    return item;
}

void
queue_item_calls(struct state *state, struct number_list *seqs)
{
    state_flush(state);
    query_numbers(db_query(state->db, STATEMENT_QUEUE_CALLS), SIZE_MAX, seqs);
}

void
queue_item_waiting_for_end(struct state *state, uint64_t vat, struct number_list *seqs)
{
    state_flush(state);
    query_numbers(
        db_query(state->db, STATEMENT_QUEUE_WAITING_FOR_END, (int64_t)vat), SIZE_MAX, seqs);
}
