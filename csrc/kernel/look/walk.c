#include "kernel/look/walk.h"

#include "base/hash.h"
#include "base/memory.h"
#include "kernel/crank.h"
#include "kernel/face/listing.h"
#include "kernel/handles.h"
#include "kernel/internal.h"
#include "state/hold.h"
#include "state/state.h"

#include <assert.h>
#include <stdlib.h>

struct walk {
    void (*each)(void *context, const struct holder *holder);
    void *context;
};

static const char *const names[] = {
    "clist", "queue", "parked", "value", "follower", "pin", "parameters", "host"};

const char *
holder_name(enum holder_kind kind)
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
    if (!query_null(query, 2))
        holder.kref = kref_promise((uint64_t)query_integer(query, 2));
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

/* Tallies */

/* The word's slot, or a free one for it; NULL when there are none. */
static struct tally *
slot_of(const struct tallies *tallies, uint64_t word)
{
    if (tallies->capacity == 0)
        return NULL;
    assert((tallies->capacity & (tallies->capacity - 1)) == 0);
    assert(tallies->count < tallies->capacity);
    size_t at = (size_t)hash_number(word) & (tallies->capacity - 1);
    while (tallies->slots[at].word != 0 && tallies->slots[at].word != word)
        at = (at + 1) & (tallies->capacity - 1);
    return &tallies->slots[at];
}

/* At least half of the slots stay free, so that a look for one ends. */
static void
grow(struct tallies *tallies)
{
    struct tallies old = *tallies;
    tallies->capacity = old.capacity == 0 ? 256 : old.capacity * 2;
    tallies->slots = memory_zero(tallies->capacity * sizeof *tallies->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].word != 0)
            *slot_of(tallies, old.slots[i].word) = old.slots[i];
    }
    free(old.slots);
}

/* One that is there stays where it is: the dump changes them in their order. */
struct tally *
tally_of(struct tallies *tallies, struct kref kref)
{
    struct tally *tally = slot_of(tallies, kref.word);
    if (tally != NULL && tally->word != 0)
        return tally;
    if (tallies->count * 2 >= tallies->capacity) {
        grow(tallies);
        tally = slot_of(tallies, kref.word);
    }
    assert(tally != NULL && tally->word == 0);
    tally->word = kref.word;
    tallies->count++;
    assert(tallies->count * 2 <= tallies->capacity);
    return tally;
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
