#include "base/hash.h"
#include "state/internal.h"
#include "store/query.h"

static void
retain(void *row)
{
    blob_hold(((struct object *)row)->interface);
}

static void
release(void *row)
{
    blob_drop(((struct object *)row)->interface);
}

static void
store(struct state *state, void *row)
{
    struct object *object = row;
    db_run(state->db,
        "INSERT INTO object VALUES (?1, nullif(?2, 0), ?3, ?4, ?5, ?6, ?7, ?8)"
        " ON CONFLICT (id) DO UPDATE SET owner = nullif(?2, 0), interface = ?3, reachable = ?4,"
        " recognizable = ?5, revoked = ?6, root = ?8",
        "iisiiiii", (int64_t)object->id, (int64_t)object->owner, blob_bytes(object->interface),
        object->reachable, object->recognizable, (int64_t)object->revoked, (int64_t)object->subject,
        (int64_t)object->root);
}

static void
erase(struct state *state, void *row)
{
    db_run(state->db, "DELETE FROM object WHERE id = ?", "i", (int64_t)((struct object *)row)->id);
}

const struct row_type object_type = {sizeof(struct object), retain, release, store, erase};

static struct object *
load(struct state *state, uint64_t id)
{
    if (id == 0 || id > counter_last(state, COUNTER_OBJECT))
        return NULL;
    struct query *query = db_query(state->db,
        "SELECT owner, interface, reachable, recognizable, revoked, subject, root FROM object"
        " WHERE id = ?",
        "i", (int64_t)id);
    struct object *object = NULL;
    if (query_next(query)) {
        object = table_adopt(&state->tables[NOUN_OBJECT], hash_number(id));
        object->id = id;
        object->owner = (uint64_t)query_integer(query, 0);
        object->interface = blob_new(query_bytes(query, 1), NULL, 0);
        object->reachable = query_integer(query, 2);
        object->recognizable = query_integer(query, 3);
        object->revoked = query_integer(query, 4) != 0;
        if (!number_is_sane(object->reachable) || !number_is_sane(object->recognizable) ||
            object->reachable > object->recognizable) {
            db_damaged(state->db, "object", (int64_t)id);
            object->reachable = object->recognizable = 0;
        }
        object->subject = (uint64_t)query_integer(query, 5);
        object->root = query_integer(query, 6) != 0;
    }
    query_end(query);
    if (object != NULL)
        clist_load(state, kref_object(id));
    return object;
}

struct object *
object_get(struct state *state, uint64_t id)
{
    uint64_t hash = hash_number(id);
    for (struct row *row = table_first(&state->tables[NOUN_OBJECT], hash); row != NULL;
         row = row->next) {
        struct object *object = (struct object *)row;
        if (object->id == id)
            return row->dead ? NULL : object;
    }
    return load(state, id);
}

struct object *
object_need(struct state *state, uint64_t id)
{
    struct object *object = object_get(state, id);
    if (object != NULL)
        return object;
    db_damaged(state->db, "object", (int64_t)id);
    object = table_adopt(&state->tables[NOUN_OBJECT], hash_number(id));
    object->id = id;
    object->interface = blob_new((struct bytes){NULL, 0}, NULL, 0);
    return object;
}

struct object *
object_create(struct state *state, uint64_t owner, struct bytes interface)
{
    uint64_t id = counter_next(state, COUNTER_OBJECT);
    struct object *object =
        table_insert(&state->tables[NOUN_OBJECT], &state->journal, hash_number(id));
    object->id = id;
    object->owner = owner;
    object->interface = blob_new(interface, NULL, 0);
    return object;
}

void
object_touch(struct state *state, struct object *object)
{
    row_touch(&state->tables[NOUN_OBJECT], &state->journal, object);
}

void
object_delete(struct state *state, struct object *object)
{
    row_delete(&state->tables[NOUN_OBJECT], &state->journal, object);
}

/* Lists */

void
object_unreached(struct state *state, struct number_list *ids)
{
    struct query *query = db_query(
        state->db, "SELECT id FROM object WHERE reachable = 0 AND NOT root ORDER BY id", "");
    while (query_next(query))
        list_push(ids, (uint64_t)query_integer(query, 0));
    query_end(query);
}

bool
object_administers(struct state *state, uint64_t vat)
{
    struct query *query = db_query(
        state->db, "SELECT 1 FROM object WHERE subject = ? AND subject > 0", "i", (int64_t)vat);
    bool any = query_next(query);
    query_end(query);
    return any;
}
