#include "kernel/look/walk.h"

#include "kernel/crank.h"
#include "kernel/face/listing.h"
#include "kernel/handles.h"
#include "kernel/internal.h"
#include "state/hold.h"
#include "state/state.h"

#include <assert.h>

struct walk {
    void (*each)(void *context, const struct holder *holder);
    void *context;
};

static const char *const names[] = {
    "clist", "queue", "parked", "value", "follower", "pin", "parameters", "host"};

const char *
walk_holder_name(enum holder_kind kind)
{
    assert((size_t)kind < sizeof names / sizeof *names);
    return names[kind];
}

static void
report(const struct walk *walk, struct holder holder)
{
    assert(holder.count >= 0 && (holder.kind != HOLDER_CLIST || holder.count == 1));
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
walk_clists(struct kernel *kernel, const struct walk *walk)
{
    struct query *query = kernel_listing(kernel, STATEMENT_WALK_CLISTS, 0);
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
walk_queue(struct kernel *kernel, const struct walk *walk)
{
    struct query *query = kernel_listing(kernel, STATEMENT_WALK_QUEUE, 0);
    while (query_next(query)) {
        struct holder holder = {.id = (uint64_t)query_integer(query, 0), .count = 1};
        holder.kind = query_null(query, 1) ? HOLDER_QUEUE : HOLDER_PARKED;
        holder.kref = column_kref(query, 2);
        report(walk, holder);
        holder.kref = column_kref(query, 3);
        report(walk, holder);
        report_slots(walk, holder, query_bytes(query, 4));
    }
    query_end(query);
}

static void
report_promise(const struct walk *walk, struct query *query)
{
    struct holder holder = {.id = (uint64_t)query_integer(query, 0), .count = 1};
    holder.kind = HOLDER_FOLLOWER;
    holder.kref = column_kref(query, 2);
    report(walk, holder);
    holder.kind = HOLDER_VALUE;
    report_slots(walk, holder, query_bytes(query, 1));
}

static void
walk_promises(struct kernel *kernel, const struct walk *walk)
{
    struct query *query = kernel_listing(kernel, STATEMENT_WALK_PROMISES, 0);
    while (query_next(query))
        report_promise(walk, query);
    query_end(query);
}

static void
walk_holds(struct kernel *kernel, const struct walk *walk)
{
    struct query *query = kernel_listing(kernel, STATEMENT_WALK_HOLDS, 0);
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
    assert(!crank_is_open(kernel));
    if (db_is_writable(state_db(kernel->state)))
        handles_release(kernel);
    walk_clists(kernel, &walk);
    walk_queue(kernel, &walk);
    walk_promises(kernel, &walk);
    walk_holds(kernel, &walk);
}

void
walk_promise(struct kernel *kernel, uint64_t id,
    void (*each)(void *context, const struct holder *holder), void *context)
{
    struct walk walk = {each, context};
    assert(!crank_is_open(kernel));
    struct query *query = kernel_listing(kernel, STATEMENT_WALK_PROMISE, (int64_t)id);
    if (query_next(query))
        report_promise(&walk, query);
    query_end(query);
}
