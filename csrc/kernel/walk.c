#include "kernel/walk.h"

#include "base/hash.h"
#include "base/memory.h"
#include "kernel/handles.h"
#include "kernel/internal.h"
#include "store/query.h"

#include <stdlib.h>
#include <string.h>

struct walk {
    void (*each)(void *context, const struct holder *holder);
    void *context;
};

static const char *const names[] = {
    "clist", "queue", "parked", "value", "follower", "pin", "parameters", "host"};

const char *
holder_name(enum holder_kind kind)
{
    return names[kind];
}

static void
report(const struct walk *walk, struct holder holder)
{
    if (!kref_is_none(holder.kref))
        walk->each(walk->context, &holder);
}

/* A list such as "ko3 kp4". */
static void
report_slots(const struct walk *walk, struct holder holder, struct bytes slots)
{
    struct blob *blob = blob_parse((struct bytes){NULL, 0}, slots);
    for (size_t i = 0; blob != NULL && i < blob->slot_count; i++) {
        holder.kref = blob->slots[i];
        report(walk, holder);
    }
    blob_drop(blob);
}

static struct kref
column_kref(struct query *query, int column)
{
    return query_null(query, column) ? KREF_NONE : kref_parse(query_bytes(query, column));
}

static void
walk_clists(struct db *db, const struct walk *walk)
{
    struct query *query = db_query(db, "SELECT vat, vref, kref, reachable FROM clist", "");
    while (query_next(query)) {
        struct vref vref = vref_parse(query_bytes(query, 1));
        report(walk, (struct holder){.kind = HOLDER_CLIST,
                         .id = (uint64_t)query_integer(query, 0),
                         .kref = column_kref(query, 2),
                         .vref = vref,
                         .reachable = query_integer(query, 3) != 0,
                         .count = 1});
    }
    query_end(query);
}

static void
walk_queue(struct db *db, const struct walk *walk)
{
    struct query *query = db_query(db,
        "SELECT seq, target, result, slots, coalesce(on_promise, on_vat,"
        " on_service, on_end) FROM queue ORDER BY seq",
        "");
    while (query_next(query)) {
        struct holder holder = {.id = (uint64_t)query_integer(query, 0), .count = 1};
        holder.kind = query_null(query, 4) ? HOLDER_QUEUE : HOLDER_PARKED;
        holder.kref = column_kref(query, 1);
        report(walk, holder);
        holder.kref = column_kref(query, 2);
        report(walk, holder);
        report_slots(walk, holder, query_bytes(query, 3));
    }
    query_end(query);
}

static void
walk_promises(struct db *db, const struct walk *walk)
{
    struct query *query = db_query(db, "SELECT id, follows, slots FROM promise ORDER BY id", "");
    while (query_next(query)) {
        struct holder holder = {.id = (uint64_t)query_integer(query, 0), .count = 1};
        holder.kind = HOLDER_FOLLOWER;
        if (!query_null(query, 1))
            holder.kref = kref_promise((uint64_t)query_integer(query, 1));
        report(walk, holder);
        holder.kind = HOLDER_VALUE;
        report_slots(walk, holder, query_bytes(query, 2));
    }
    query_end(query);
}

static void
walk_holds(struct db *db, const struct walk *walk)
{
    struct query *query = db_query(db, "SELECT kind, vat, kref, count FROM hold", "");
    while (query_next(query)) {
        struct bytes kind = query_bytes(query, 0);
        struct holder holder = {.id = (uint64_t)query_integer(query, 1),
            .kref = column_kref(query, 2),
            .count = query_integer(query, 3)};
        if (holder.count < 0 || holder.count > HOLD_MOST)
            holder.count = 0; /* damage, which the audit names; sums of it mean nothing */
        holder.kind = HOLDER_HOST;
        if (bytes_equal(kind, bytes_of("pin")))
            holder.kind = HOLDER_PIN;
        else if (bytes_equal(kind, bytes_of("parameters")))
            holder.kind = HOLDER_PARAMETERS;
        report(walk, holder);
    }
    query_end(query);
}

void
walk_holders(
    struct kernel *kernel, void (*each)(void *context, const struct holder *holder), void *context)
{
    struct walk walk = {each, context};
    struct db *db = state_db(kernel->state);
    if (db_is_writable(db))
        handles_release(kernel);
    state_flush(kernel->state);
    walk_clists(db, &walk);
    walk_queue(db, &walk);
    walk_promises(db, &walk);
    walk_holds(db, &walk);
}

/* Tallies */

static void
grow(struct tallies *tallies)
{
    struct tallies old = *tallies;
    tallies->capacity = old.capacity == 0 ? 256 : old.capacity * 2;
    tallies->slots = memory_zero(tallies->capacity * sizeof *tallies->slots);
    tallies->count = 0;
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].word != 0)
            *tally_of(tallies, (struct kref){old.slots[i].word}) = old.slots[i];
    }
    free(old.slots);
}

struct tally *
tally_of(struct tallies *tallies, struct kref kref)
{
    if (tallies->count * 2 >= tallies->capacity)
        grow(tallies);
    size_t at = (size_t)hash_number(kref.word) & (tallies->capacity - 1);
    while (tallies->slots[at].word != 0 && tallies->slots[at].word != kref.word)
        at = (at + 1) & (tallies->capacity - 1);
    if (tallies->slots[at].word == 0) {
        tallies->slots[at].word = kref.word;
        tallies->count++;
    }
    return &tallies->slots[at];
}

static void
count_holder(void *context, const struct holder *holder)
{
    struct tally *tally = tally_of(context, holder->kref);
    if (holder->kind == HOLDER_CLIST && !kref_is_promise(holder->kref)) {
        /* the exporter's own entry does not count */
        tally->recognizable += vref_is_import(holder->vref);
        tally->reachable += vref_is_import(holder->vref) && holder->reachable;
        return;
    }
    tally->recognizable += holder->count;
    tally->reachable += holder->count;
    if (holder->kind == HOLDER_HOST)
        tally->host += holder->count;
}

void
tally_holders(struct kernel *kernel, struct tallies *tallies)
{
    walk_holders(kernel, count_holder, tallies);
}

void
tallies_free(struct tallies *tallies)
{
    free(tallies->slots);
    *tallies = (struct tallies){0};
}
