#include "state/vat_record.h"

#include "base/hash.h"
#include "base/memory.h"
#include "state/internal.h"
#include "store/query.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {"running", "suspended", "terminated", "failed"};
static const char *const policy_names[] = {"reject", "suspend", "terminate"};

static int
index_of(struct bytes name, const char *const *names, int count)
{
    int at = 0;
    while (at < count && !bytes_equal(name, bytes_of(names[at])))
        at++;
    return at;
}

/* Rows */

static void
retain(void *row)
{
    struct vat_record *vat = row;
    blob_hold(vat->name);
    blob_hold(vat->bundle);
    blob_hold(vat->parameters);
    blob_hold(vat->fault);
}

static void
release(void *row)
{
    struct vat_record *vat = row;
    blob_drop(vat->name);
    blob_drop(vat->bundle);
    blob_drop(vat->parameters);
    blob_drop(vat->fault);
}

static void
insert(struct state *state, struct vat_record *vat)
{
    const struct vat_settings *settings = &vat->settings;
    db_run(state->db,
        "INSERT OR REPLACE INTO vat VALUES (?, nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " 0, 0, 'running', 0, 0, 0, 0, NULL, 1, 1, 0, 0)",
        "iissbsiiiitiiti", (int64_t)vat->id, (int64_t)vat->cluster, blob_bytes(vat->name),
        blob_bytes(vat->bundle), blob_bytes(vat->parameters), slots_text(state, vat->parameters),
        (int64_t)settings->transcript, settings->time_limit_us, settings->instruction_budget,
        settings->memory_limit, policy_names[settings->on_fault], (int64_t)settings->critical,
        settings->reap_interval, settings->paged ? "paged" : "bulk", settings->snapshot_interval);
}

static void
store(struct state *state, void *row)
{
    struct vat_record *vat = row;
    if (!vat->row.stored)
        insert(state, vat);
    const char *fault = vat->fault == NULL ? NULL : (const char *)vat->fault->body;
    db_run(state->db,
        "UPDATE vat SET state = ?, incarnation = ?, deliveries = ?, since_reap = ?,"
        " position = ?, fault = ?, next_object = ?, next_promise = ?, object_mark = ?, "
        "promise_mark = ? WHERE id = ?",
        "tiiiitiiiii", state_names[vat->state], vat->incarnation, vat->deliveries, vat->since_reap,
        vat->position, fault, (int64_t)vat->next_object, (int64_t)vat->next_promise,
        (int64_t)vat->object_mark, (int64_t)vat->promise_mark, (int64_t)vat->id);
    if (vat->renewed)
        db_run(state->db,
            "UPDATE vat SET bundle = ?, parameters = ?, parameter_slots = ?, ended_well = ?,"
            " cleaned = ? WHERE id = ?",
            "sbsiii", blob_bytes(vat->bundle), blob_bytes(vat->parameters),
            slots_text(state, vat->parameters), (int64_t)vat->ended_well, (int64_t)vat->cleaned,
            (int64_t)vat->id);
}

static void
erase(struct state *state, void *row)
{
    db_run(state->db, "DELETE FROM vat WHERE id = ?", "i", (int64_t)((struct vat_record *)row)->id);
}

const struct row_type vat_type = {sizeof(struct vat_record), retain, release, store, erase};

static void
adopt_settings(struct state *state, struct vat_record *vat, struct query *query, int column)
{
    int policy = index_of(query_bytes(query, column + 4), policy_names, 3);
    vat->settings = (struct vat_settings){
        .transcript = query_integer(query, column) != 0,
        .time_limit_us = query_integer(query, column + 1),
        .instruction_budget = query_integer(query, column + 2),
        .memory_limit = query_integer(query, column + 3),
        .on_fault = (enum fault_policy)(policy % 3),
        .critical = query_integer(query, column + 5) != 0,
        .reap_interval = query_integer(query, column + 6),
        .paged = bytes_equal(query_bytes(query, column + 7), bytes_of("paged")),
        .snapshot_interval = query_integer(query, column + 8),
    };
    if (policy == 3)
        db_damaged(state->db, "vat", (int64_t)vat->id);
}

static struct blob *
text_blob(struct bytes text)
{
    struct buf copy = {0};
    buf_append(&copy, text.data, text.size);
    buf_byte(&copy, 0); /* so that it can be used as a C string */
    struct blob *blob = blob_new(buf_view(&copy), NULL, 0);
    buf_free(&copy);
    return blob;
}

static void
adopt(struct state *state, struct vat_record *vat, struct query *query)
{
    vat->cluster = (uint64_t)query_integer(query, 0);
    vat->name = blob_new(query_bytes(query, 1), NULL, 0);
    vat->bundle = blob_new(query_bytes(query, 2), NULL, 0);
    vat->parameters = query_blob(query, 3, 4);
    adopt_settings(state, vat, query, 5);
    int how = index_of(query_bytes(query, 14), state_names, 4);
    vat->state = (enum vat_state)(how % 4);
    vat->incarnation = query_integer(query, 15);
    vat->deliveries = query_integer(query, 16);
    vat->since_reap = query_integer(query, 17);
    vat->position = query_integer(query, 18);
    if (!query_null(query, 19))
        vat->fault = text_blob(query_bytes(query, 19));
    vat->next_object = (uint64_t)query_integer(query, 20);
    vat->next_promise = (uint64_t)query_integer(query, 21);
    vat->object_mark = (uint64_t)query_integer(query, 22);
    vat->promise_mark = (uint64_t)query_integer(query, 23);
    vat->ended_well = query_integer(query, 24) != 0;
    vat->cleaned = query_integer(query, 25) != 0;
    bool good = how != 4 && vat->parameters != NULL;
    for (int column = 15; column < 22; column++)
        good = good && (column == 19 || number_is_sane(query_integer(query, column)));
    if (!good || vat->next_object == 0 || vat->next_promise == 0)
        db_damaged(state->db, "vat", (int64_t)vat->id);
    if (vat->parameters == NULL)
        vat->parameters = blob_new((struct bytes){NULL, 0}, NULL, 0);
}

static struct vat_record *
load(struct state *state, uint64_t id)
{
    if (id == 0 || id > counter_last(state, COUNTER_VAT))
        return NULL;
    struct query *query = db_query(state->db,
        "SELECT cluster, name, bundle, parameters, parameter_slots, transcript, time_limit_us,"
        " instruction_budget, memory_limit, on_fault, critical, reap_interval, vatstore,"
        " snapshot_interval, state, incarnation, deliveries, since_reap, position, fault, "
        "next_object,"
        " next_promise, object_mark, promise_mark, ended_well, cleaned FROM vat WHERE id = ?",
        "i", (int64_t)id);
    struct vat_record *vat = NULL;
    if (query_next(query)) {
        vat = table_adopt(&state->tables[NOUN_VAT], hash_number(id));
        vat->id = id;
        adopt(state, vat, query);
    }
    query_end(query);
    if (vat != NULL)
        queue_load_parked(state, QUEUE_ON_VAT, id, &vat->parked_first, &vat->parked_last);
    return vat;
}

struct vat_record *
vat_record_get(struct state *state, uint64_t id)
{
    struct row *row = table_first(&state->tables[NOUN_VAT], hash_number(id));
    for (; row != NULL; row = row->next) {
        struct vat_record *vat = (struct vat_record *)row;
        if (vat->id == id)
            return row->dead ? NULL : vat;
    }
    return load(state, id);
}

struct vat_record *
vat_record_create(struct state *state, struct bytes name)
{
    uint64_t id = counter_next(state, COUNTER_VAT);
    struct vat_record *vat =
        table_insert(&state->tables[NOUN_VAT], &state->journal, hash_number(id));
    vat->id = id;
    vat->name = blob_new(name, NULL, 0);
    vat->next_object = vat->next_promise = 1;
    return vat;
}

void
vat_record_touch(struct state *state, struct vat_record *vat)
{
    row_touch(&state->tables[NOUN_VAT], &state->journal, vat);
}

void
vat_record_delete(struct state *state, struct vat_record *vat)
{
    row_delete(&state->tables[NOUN_VAT], &state->journal, vat);
}

void
vat_record_set_fault(struct state *state, struct vat_record *vat, const char *text)
{
    vat_record_touch(state, vat);
    blob_drop(vat->fault);
    vat->fault = text_blob(bytes_of(text));
}

/* Lists */

uint64_t
vat_record_by_name(struct state *state, struct bytes name, uint64_t cluster)
{
    struct query *query = db_query(state->db,
        "SELECT id FROM vat WHERE name = ?1 AND state <> 'terminated'"
        " AND (?2 = 0 OR cluster = ?2) LIMIT 2",
        "si", name, (int64_t)cluster);
    uint64_t id = query_next(query) ? (uint64_t)query_integer(query, 0) : 0;
    if (id != 0 && query_next(query))
        id = VAT_AMBIGUOUS;
    query_end(query);
    return id;
}

static uint64_t *
list_vats(struct query *query, size_t *count)
{
    uint64_t *ids = NULL;
    *count = 0;
    while (query_next(query)) {
        ids = memory_resize(ids, (*count + 1) * sizeof *ids);
        ids[(*count)++] = (uint64_t)query_integer(query, 0);
    }
    query_end(query);
    return ids;
}

uint64_t *
vat_record_to_rebuild(struct state *state, size_t *count)
{
    return list_vats(db_query(state->db,
                         "SELECT id FROM vat WHERE transcript = 0 AND state <> 'terminated'"
                         " ORDER BY id",
                         ""),
        count);
}

uint64_t *
vat_record_with_images(struct state *state, size_t *count)
{
    return list_vats(db_query(state->db,
                         "SELECT id FROM vat WHERE transcript = 1 AND snapshot_interval > 0"
                         " AND state IN ('running', 'suspended') ORDER BY id",
                         ""),
        count);
}

/* Vats with work */

static void
add_vats(struct query *query, struct number_list *ids)
{
    while (query_next(query))
        list_push(ids, (uint64_t)query_integer(query, 0));
    query_end(query);
}

void
vat_record_delivered(struct state *state, struct number_list *ids)
{
    add_vats(db_query(state->db,
                 "SELECT id FROM vat WHERE state = 'running' AND since_reap > 0 ORDER BY id", ""),
        ids);
}

void
vat_record_to_reap(struct state *state, struct number_list *ids)
{
    add_vats(db_query(state->db,
                 "SELECT id FROM vat WHERE state = 'running' AND reap_interval > 0"
                 " AND since_reap >= reap_interval ORDER BY id",
                 ""),
        ids);
}

void
vat_record_ending(struct state *state, struct number_list *ids)
{
    add_vats(db_query(state->db,
                 "SELECT id FROM vat WHERE state = 'terminated' AND NOT cleaned ORDER BY id", ""),
        ids);
}
