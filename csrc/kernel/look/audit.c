#include "kernel/look/audit.h"

#include "kernel/face/listing.h"
#include "kernel/internal.h"
#include "kernel/look/tally.h"
#include "kernel/look/walk.h"
#include "state/promise.h"

#include <assert.h>

/* Who holds a reference */

struct question {
    struct kref kref;
    struct buf *lines;
};

static void
answer(void *context, const struct holder *holder)
{
    const struct question *question = context;
    if (!kref_equal(holder->kref, question->kref))
        return;
    struct buf *lines = question->lines;
    char vref[REF_TEXT_MAX];
    buf_format(lines, "%s\t", walk_holder_name(holder->kind));
    switch (holder->kind) {
    case HOLDER_CLIST:
        buf_format(lines, "v%llu\t%s %s", (unsigned long long)holder->id,
            vref_print(holder->vref, vref), holder->reachable ? "reachable" : "recognizable");
        break;
    case HOLDER_PARAMETERS:
        buf_format(lines, "v%llu\t", (unsigned long long)holder->id);
        break;
    case HOLDER_QUEUE:
    case HOLDER_PARKED:
        buf_format(lines, "%llu\t", (unsigned long long)holder->id);
        break;
    case HOLDER_VALUE:
    case HOLDER_FOLLOWER:
        buf_format(lines, "kp%llu\t", (unsigned long long)holder->id);
        break;
    case HOLDER_PIN:
    case HOLDER_HOST:
        buf_format(lines, holder->count == 1 ? "\tonce" : "\t%lld times", (long long)holder->count);
        break;
    }
    buf_byte(lines, '\n');
}

void
kernel_holders(struct kernel *kernel, struct kref kref, struct buf *lines)
{
    struct question question = {kref, lines};
    walk_holders(kernel, answer, &question);
}

/* Counts */

static void
describe_holders(struct kernel *kernel, struct kref kref, struct buf *problems)
{
    struct buf lines = {0};
    kernel_holders(kernel, kref, &lines);
    assert(lines.size == 0 || lines.data[lines.size - 1] == '\n');
    buf_text(problems, lines.size == 0 ? "; held by: nobody" : "; held by: ");
    for (size_t i = 0; i + 1 < lines.size; i++) {
        bool more = lines.data[i + 1] != '\n';
        if (lines.data[i] == '\n')
            buf_text(problems, ", ");
        else if (lines.data[i] != '\t' || more)
            buf_byte(problems, lines.data[i] == '\t' ? ' ' : lines.data[i]);
    }
    buf_byte(problems, '\n');
    buf_free(&lines);
}

static void
check_count(struct kernel *kernel, struct kref kref, const char *what, int64_t is, int64_t should,
    struct buf *problems)
{
    char text[REF_TEXT_MAX];
    if (is == should)
        return;
    buf_format(problems, "%s: %s is %lld and should be %lld", kref_print(kref, text), what,
        (long long)is, (long long)should);
    describe_holders(kernel, kref, problems);
}

struct row_counts {
    struct kref kref;
    int64_t reachable, recognizable;
};

struct row_list LIST(struct row_counts);

/* The counts of all rows first: describing a difference asks the same tables again. */
static void
load_counts(struct kernel *kernel, struct row_list *rows)
{
    struct query *query = kernel_listing(kernel, STATEMENT_AUDIT_COUNTS, 0);
    while (query_next(query))
        list_push(rows, ((struct row_counts){kref_parse(query_bytes(query, 0)),
                            query_integer(query, 1), query_integer(query, 2)}));
    query_end(query);
}

static void
audit_counts(struct kernel *kernel, struct buf *problems)
{
    struct tallies tallies = {0};
    struct row_list rows = {0};
    tally_holders(kernel, &tallies);
    load_counts(kernel, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        struct kref kref = rows.items[i].kref;
        struct tally none = {0}; /* a row whose number no reference has is damage */
        struct tally *tally = kref_is_none(kref) ? &none : tally_of(&tallies, kref);
        bool promise = kref_is_promise(kref);
        check_count(kernel, kref, promise ? "refcount" : "reachable", rows.items[i].reachable,
            tally->reachable, problems);
        if (!promise)
            check_count(kernel, kref, "recognizable", rows.items[i].recognizable,
                tally->recognizable, problems);
        tally->reachable = -1; /* this one exists */
    }
    char text[REF_TEXT_MAX];
    for (size_t i = 0; i < tallies.capacity; i++) {
        struct kref kref = {tallies.slots[i].word};
        if (kref.word == 0 || tallies.slots[i].reachable == -1)
            continue;
        buf_format(problems, "%s is held but does not exist", kref_print(kref, text));
        describe_holders(kernel, kref, problems);
    }
    list_free(&rows);
    tally_free(&tallies);
}

/* Messages to promises on their way, which those in memory count */

struct on_the_way {
    struct tallies tallies;
    struct buf *problems;
};

static void
check_queued(void *context, const struct promise *promise)
{
    struct on_the_way *messages = context;
    bool counts = promise->state == PROMISE_UNRESOLVED;
    int64_t should =
        counts ? tally_of(&messages->tallies, kref_promise(promise->id))->reachable : 0;
    if (promise->queued != should)
        buf_format(messages->problems, "kp%llu: queued is %lld and should be %lld\n",
            (unsigned long long)promise->id, (long long)promise->queued, (long long)should);
}

static void
audit_queued(struct kernel *kernel, struct buf *problems)
{
    struct on_the_way messages = {.problems = problems};
    struct query *query = kernel_listing(kernel, STATEMENT_AUDIT_SENT, 0);
    while (query_next(query)) {
        struct kref target = kref_parse(query_bytes(query, 0));
        if (!kref_is_none(target))
            tally_of(&messages.tallies, target)->reachable++;
    }
    query_end(query);
    promise_each_in_memory(kernel->state, check_queued, &messages);
    tally_free(&messages.tallies);
}

/* Rules that tables keep among each other */

static void
audit_rules(struct kernel *kernel, struct buf *problems)
{
    struct query *query = kernel_listing(kernel, STATEMENT_AUDIT_PROBLEMS, 0);
    while (query_next(query)) {
        struct bytes text = query_bytes(query, 0);
        buf_append(problems, text.data, text.size);
        buf_byte(problems, '\n');
    }
    query_end(query);
}

void
kernel_audit(struct kernel *kernel, struct buf *problems)
{
    audit_counts(kernel, problems);
    audit_queued(kernel, problems);
    audit_rules(kernel, problems);
}
