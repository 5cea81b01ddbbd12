#include "state/object.h"

#include "base/hash.h"
#include "state/blob.h"
#include "state/clist.h"
#include "state/internal.h"
#include "state/rows/columns.h"
#include "state/rows/row.h"
#include "store/query.h"

#include <assert.h>

#define AT(member) .offset = offsetof(struct object, member)

static const struct column columns[] = {
    {"id", IS_NUMBER, AT(id), .role = ROLE_KEY},
    {"owner", IS_NUMBER, AT(owner), .optional = true},
    {"interface", IS_TEXT, AT(interface)},
    {"reachable", IS_COUNT, AT(reachable)},
    {"recognizable", IS_COUNT, AT(recognizable)},
    {"revoked", IS_BOOL, AT(revoked)},
    {"subject", IS_NUMBER, AT(subject), .role = ROLE_FIXED},
    {"root", IS_BOOL, AT(root)},
    {0},
};

static const struct row_select selects[] = {
    {STATEMENT_OBJECT, "id = ?", "i"},
    {0},
};

/* Between cranks. */
static void
check(const void *row)
{
    const struct object *object = row;
    (void)object;
    assert(object->id != 0 && object->interface != NULL);
    assert(object->first == NULL || object->first->prev == NULL);
    assert(object->first == NULL || kref_equal(object->first->kref, kref_object(object->id)));
    assert(object->first == NULL || !object->first->row.dead);
}

const struct row_type object_type = {
    .name = "object",
    .size = sizeof(struct object),
    .columns = columns,
    .selects = selects,
    .write_by = STATEMENT_OBJECT_WRITE,
    .erase_by = STATEMENT_OBJECT_ERASE,
    .check = check,
};

static struct object *
adopt(struct state *state, uint64_t id, struct query *query)
{
    struct table *table = &state->tables[TABLE_OBJECT];
    struct object *object = table_adopt_numbered(table, id);
    bool good = columns_read(&table->columns, query, object);
    if (!good || object->reachable > object->recognizable) {
        db_damaged(state->db, "object", (int64_t)id);
        object->reachable = object->recognizable = 0;
    }
    return object;
}

static const struct object *
load(struct state *state, uint64_t id)
{
    if (id == 0 || id > counter_last(state, COUNTER_OBJECT))
        return NULL;
    struct query *query = db_query(state->db, STATEMENT_OBJECT, (int64_t)id);
    struct object *object = query_next(query) ? adopt(state, id, query) : NULL;
    query_end(query);
    if (object != NULL)
        clist_load(state, kref_object(id), &object->first);
    if (object != NULL)
        row_seal(&state->tables[TABLE_OBJECT], object);
    return object;
}

const struct object *
object_get(struct state *state, uint64_t id)
{
    const struct row *row = table_numbered(&state->tables[TABLE_OBJECT], id);
    if (row == NULL)
        return load(state, id);
    return row->dead ? NULL : (const struct object *)row;
}

const struct object *
object_need(struct state *state, uint64_t id)
{
    const struct object *object = object_get(state, id);
    if (object != NULL)
        return object;
    db_damaged(state->db, "object", (int64_t)id);
    struct object *stand_in = table_adopt(&state->tables[TABLE_OBJECT], hash_number(id));
    stand_in->id = id;
    stand_in->interface = blob_empty();
    return stand_in;
}

struct object *
object_create(struct state *state, uint64_t owner, struct bytes interface)
{
    uint64_t id = counter_next(state, COUNTER_OBJECT);
    struct object *object =
        table_insert_numbered(&state->tables[TABLE_OBJECT], &state->journal, id);
    object->owner = owner;
    object->interface = blob_new(interface, NULL, 0);
    return object;
}

struct object *
object_edit(struct state *state, const struct object *object)
{
    return row_edit(&state->tables[TABLE_OBJECT], &state->journal, object);
}

void
object_delete(struct state *state, const struct object *object)
{
    row_delete(&state->tables[TABLE_OBJECT], &state->journal, object);
}

/* Lists */

void
object_unreached(struct state *state, struct number_list *ids)
{
    counter_numbers(state, COUNTER_OBJECT, STATEMENT_OBJECTS_UNREACHED, ids);
}

bool
object_administers(struct state *state, uint64_t vat)
{
    struct query *query = db_query(state->db, STATEMENT_OBJECT_OF_SUBJECT, (int64_t)vat);
    bool any = query_next(query);
    query_end(query);
    return any;
}
