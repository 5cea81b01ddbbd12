#include "state/vat_record.h"

#include "state/blob.h"
#include "state/internal.h"
#include "state/queue.h"
#include "state/queue_item.h"
#include "state/rows/columns.h"
#include "state/rows/row.h"
#include "store/query.h"

#include <assert.h>

static const char *const state_names[] = {"running", "suspended", "terminated", "failed", NULL};
static const char *const policy_names[] = {"reject", "suspend", "terminate", NULL};
static const char *const vatstore_names[] = {"bulk", "paged"};

#define AT(member) .offset = offsetof(struct vat_record, member)

static const struct column columns[] = {
    {"id", IS_NUMBER, AT(id), .role = ROLE_KEY},
    {"cluster", IS_NUMBER, AT(cluster), .role = ROLE_FIXED, .optional = true},
    {"name", IS_TEXT, AT(name), .role = ROLE_FIXED},
    {"bundle", IS_TEXT, AT(bundle), .role = ROLE_RARE},
    {"parameters", IS_BODY, AT(parameters), .role = ROLE_RARE},
    {"parameter_slots", IS_SLOTS, AT(parameters), .role = ROLE_RARE},
    {"transcript", IS_BOOL, AT(settings.transcript), .role = ROLE_FIXED},
    {"time_limit_us", IS_NUMBER, AT(settings.time_limit_us), .role = ROLE_FIXED},
    {"instruction_budget", IS_NUMBER, AT(settings.instruction_budget), .role = ROLE_FIXED},
    {"memory_limit", IS_NUMBER, AT(settings.memory_limit), .role = ROLE_FIXED},
    {"on_fault", IS_NAME, AT(settings.on_fault), .role = ROLE_FIXED, .names = policy_names},
    {"critical", IS_BOOL, AT(settings.critical), .role = ROLE_FIXED},
    {"reap_interval", IS_NUMBER, AT(settings.reap_interval), .role = ROLE_FIXED},
    {"vatstore", IS_BOOL, AT(settings.paged), .role = ROLE_FIXED, .names = vatstore_names},
    {"snapshot_interval", IS_NUMBER, AT(settings.snapshot_interval), .role = ROLE_FIXED},
    {"ended_well", IS_BOOL, AT(ended_well), .role = ROLE_RARE},
    {"cleaned", IS_BOOL, AT(cleaned), .role = ROLE_RARE},
    {"state", IS_NAME, AT(state), .names = state_names},
    {"incarnation", IS_COUNT, AT(incarnation)},
    {"deliveries", IS_COUNT, AT(deliveries)},
    {"since_reap", IS_COUNT, AT(since_reap)},
    {"position", IS_COUNT, AT(position)},
    {"fault", IS_STRING, AT(fault), .optional = true},
    {"next_object", IS_POSITIVE, AT(next_object)},
    {"next_promise", IS_POSITIVE, AT(next_promise)},
    {"object_mark", IS_NUMBER, AT(object_mark)},
    {"promise_mark", IS_NUMBER, AT(promise_mark)},
    {0},
};

static const struct row_select selects[] = {
    {STATEMENT_VAT, "id = ?", "i"},
    {0},
};

/* Between cranks. */
static void
check(const void *row)
{
    const struct vat_record *vat = row;
    (void)vat;
    assert(vat->id != 0 && vat->state <= VAT_FAILED);
    assert(vat->name != NULL && vat->bundle != NULL && vat->parameters != NULL);
    assert(vat->next_object > 0 && vat->next_promise > 0);
    assert(vat->incarnation >= 0 && vat->deliveries >= 0 && vat->position >= 0);
    assert(vat->since_reap >= 0);
    assert((vat->parked_first == NULL) == (vat->parked_last == NULL));
    assert(vat->parked_first == NULL || vat->parked_first->place == QUEUE_ON_VAT);
    assert(vat->parked_first == NULL || vat->parked_first->place_id == vat->id);
    assert(vat->parked_last == NULL || vat->parked_last->parked_next == NULL);
}

const struct row_type vat_record_type = {
    .name = "vat",
    .size = sizeof(struct vat_record),
    .columns = columns,
    .selects = selects,
    .write_by = STATEMENT_VAT_WRITE,
    .erase_by = STATEMENT_VAT_ERASE,
    .change_by = STATEMENT_VAT_CHANGE,
    .renew_by = STATEMENT_VAT_RENEW,
    .renewed = offsetof(struct vat_record, renewed),
    .check = check,
};

static struct vat_record *
adopt(struct state *state, uint64_t id, struct query *query)
{
    struct table *table = &state->tables[TABLE_VAT];
    struct vat_record *vat = table_adopt_numbered(table, id);
    bool good = columns_read(&table->columns, query, vat);
    if (!good || vat->parameters == NULL)
        db_damaged(state->db, "vat", (int64_t)id);
    if (vat->parameters == NULL)
        vat->parameters = blob_empty();
    return vat;
}

static const struct vat_record *
load(struct state *state, uint64_t id)
{
    if (id == 0 || id > counter_last(state, COUNTER_VAT))
        return NULL;
    struct query *query = db_query(state->db, STATEMENT_VAT, (int64_t)id);
    struct vat_record *vat = query_next(query) ? adopt(state, id, query) : NULL;
    query_end(query);
    if (vat != NULL)
        queue_load_parked(state, QUEUE_ON_VAT, id, &vat->parked_first, &vat->parked_last);
    if (vat != NULL)
        row_seal(&state->tables[TABLE_VAT], vat);
    return vat;
}

const struct vat_record *
vat_record_get(struct state *state, uint64_t id)
{
    const struct row *row = table_numbered(&state->tables[TABLE_VAT], id);
    if (row == NULL)
        return load(state, id);
    return row->dead ? NULL : (const struct vat_record *)row;
}

struct vat_record *
vat_record_create(struct state *state, struct bytes name)
{
    uint64_t id = counter_next(state, COUNTER_VAT);
    struct vat_record *vat = table_insert_numbered(&state->tables[TABLE_VAT], &state->journal, id);
    vat->name = blob_new(name, NULL, 0);
    vat->next_object = vat->next_promise = 1;
    return vat;
}

struct vat_record *
vat_record_edit(struct state *state, const struct vat_record *vat)
{
    return row_edit(&state->tables[TABLE_VAT], &state->journal, vat);
}

void
vat_record_write_all(struct state *state, const struct vat_record *vat)
{
    assert(!state->journal.open && vat->row.dirty);
    (void)state;
    ((struct vat_record *)vat)->renewed = true;
    row_seal(&state->tables[TABLE_VAT], vat);
}

void
vat_record_delete(struct state *state, const struct vat_record *vat)
{
    row_delete(&state->tables[TABLE_VAT], &state->journal, vat);
}

void
vat_record_set_fault(struct state *state, const struct vat_record *vat, const char *text)
{
    struct vat_record *edit = vat_record_edit(state, vat);
    blob_drop(edit->fault);
    edit->fault = blob_string(bytes_of(text));
}

/* Lists */

uint64_t
vat_record_by_name(struct state *state, struct bytes name, uint64_t cluster)
{
    struct query *query = db_query(state->db, STATEMENT_VATS_NAMED, name, (int64_t)cluster);
    uint64_t id = query_next(query) ? (uint64_t)query_integer(query, 0) : 0;
    if (id != 0 && query_next(query))
        id = VAT_AMBIGUOUS;
    query_end(query);
    return id;
}

void
vat_record_list(struct state *state, enum statement statement, struct number_list *ids)
{
    counter_numbers(state, COUNTER_VAT, statement, ids);
}
