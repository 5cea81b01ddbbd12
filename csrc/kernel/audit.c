/* The audit: counts every reference again and compares, and checks the rules that tables keep
 * among each other. */
#include "base/memory.h"
#include "kernel/internal.h"
#include "kernel/walk.h"
#include "store/query.h"

#include <stdlib.h>

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
    buf_format(lines, "%s\t", holder_name(holder->kind));
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

/* The counts of all rows first: describing a difference asks the same tables again. */
static struct row_counts *
load_counts(struct kernel *kernel, size_t *count)
{
    struct row_counts *rows = NULL;
    size_t room = 0;
    *count = 0;
    struct query *query = db_query(state_db(kernel->state),
        "SELECT 'ko' || id, reachable, recognizable FROM object"
        " UNION ALL SELECT 'kp' || id, refcount, refcount FROM promise",
        "");
    while (query_next(query)) {
        if (*count == room) {
            room = room == 0 ? 256 : room * 2;
            rows = memory_resize(rows, room * sizeof *rows);
        }
        rows[(*count)++] = (struct row_counts){
            kref_parse(query_bytes(query, 0)), query_integer(query, 1), query_integer(query, 2)};
    }
    query_end(query);
    return rows;
}

static void
audit_counts(struct kernel *kernel, struct buf *problems)
{
    struct tallies tallies = {0};
    size_t count;
    tally_holders(kernel, &tallies);
    struct row_counts *rows = load_counts(kernel, &count);
    for (size_t i = 0; i < count; i++) {
        struct kref kref = rows[i].kref;
        struct tally *tally = tally_of(&tallies, kref);
        bool promise = kref_is_promise(kref);
        check_count(kernel, kref, promise ? "refcount" : "reachable", rows[i].reachable,
            tally->reachable, problems);
        if (!promise)
            check_count(
                kernel, kref, "recognizable", rows[i].recognizable, tally->recognizable, problems);
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
    free(rows);
    tallies_free(&tallies);
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
    struct query *query = db_query(state_db(kernel->state),
        "SELECT target FROM queue WHERE target >= 'kp' AND kind = 'message'"
        " AND on_promise IS NULL",
        "");
    while (query_next(query))
        tally_of(&messages.tallies, kref_parse(query_bytes(query, 0)))->reachable++;
    query_end(query);
    promise_each_in_memory(kernel->state, check_queued, &messages);
    tallies_free(&messages.tallies);
}

/* Shapes: each statement lists what breaks one rule, as a sentence. */
static const char *const rules[] = {
    "SELECT 'v' || vat || ' ' || vref || ': the vat does not exist or has ended' FROM clist c"
    " WHERE NOT EXISTS (SELECT 1 FROM vat WHERE id = c.vat AND NOT cleaned)",
    "SELECT 'ko' || o.id || ': its owner v' || o.owner || ' does not have it in its c-list'"
    " FROM object o JOIN vat v ON v.id = o.owner AND v.state <> 'terminated'"
    " WHERE NOT EXISTS (SELECT 1 FROM clist WHERE kref = 'ko' || o.id AND vat = o.owner"
    " AND vref LIKE 'o+%')",
    "SELECT c.kref || ': v' || c.vat || ' exports it as ' || c.vref || ' but does not own it'"
    " FROM clist c LEFT JOIN object o ON o.id = cast(substr(c.kref, 3) AS INTEGER)"
    " WHERE c.vref LIKE 'o+%'"
    " AND o.owner IS NOT c.vat",
    "SELECT 'kp' || p.id || ': its decider v' || p.decider || ' does not have it in its c-list'"
    " FROM promise p WHERE p.decider > 0 AND NOT EXISTS"
    " (SELECT 1 FROM clist WHERE kref = 'kp' || p.id AND vat = p.decider)",
    "SELECT 'kp' || id || ': settled, but has a decider or follows another' FROM promise"
    " WHERE state <> 'unresolved' AND (decider IS NOT NULL OR follows IS NOT NULL)",
    "SELECT 'kp' || id || ': settled, but without a value' FROM promise"
    " WHERE state <> 'unresolved' AND body IS NULL",
    "SELECT 'kp' || p.id || ': nobody will settle it' FROM promise p WHERE state = 'unresolved'"
    " AND decider IS NULL AND 'kp' || id NOT IN"
    " (SELECT result FROM queue WHERE result IS NOT NULL)",
    "SELECT 'kp' || p.id || ': the kernel decides it, but it follows nothing' FROM promise p"
    " WHERE decider < 0 AND follows IS NULL",
    "SELECT 'kp' || p.id || ': follows a promise that is settled or gone' FROM promise p"
    " LEFT JOIN promise q ON q.id = p.follows WHERE p.follows IS NOT NULL"
    " AND q.state IS NOT 'unresolved'",
    "SELECT 'kp' || s.promise || ': v' || s.vat || ' subscribes to it but does not know it'"
    " FROM subscriber s WHERE NOT EXISTS"
    " (SELECT 1 FROM clist WHERE kref = 'kp' || s.promise AND vat = s.vat)",
    "SELECT 'kp' || s.promise || ': has subscribers but is settled or gone' FROM subscriber s"
    " LEFT JOIN promise p ON p.id = s.promise WHERE p.state IS NOT 'unresolved'",
    "SELECT 'queue ' || q.seq || ': parked on kp' || q.on_promise || ', which is settled, gone or"
    " follows another' FROM queue q LEFT JOIN promise p ON p.id = q.on_promise"
    " WHERE q.on_promise IS NOT NULL AND (p.state IS NOT 'unresolved' OR p.follows IS NOT NULL)",
    "SELECT 'queue ' || q.seq || ': parked with v' || q.on_vat || ', which takes deliveries or is"
    " gone' FROM queue q LEFT JOIN vat v ON v.id = q.on_vat WHERE q.on_vat IS NOT NULL"
    " AND (v.state IS NULL OR v.state NOT IN ('suspended', 'failed'))",
    "SELECT 'queue ' || q.seq || ': its result ' || q.result || ' is decided by somebody already'"
    " FROM queue q JOIN promise p ON p.id = cast(substr(q.result, 3) AS INTEGER)"
    " WHERE p.state <> 'unresolved' OR p.decider IS NOT NULL",
    "SELECT 'queue ' || q.seq || ': a notify of a promise that has not settled' FROM queue q"
    " LEFT JOIN promise p ON p.id = cast(substr(q.target, 3) AS INTEGER)"
    " WHERE q.kind = 'notify'"
    " AND p.state IS 'unresolved'",
    "SELECT 'object ' || id || ': reachable exceeds recognizable, or one is negative' FROM object"
    " WHERE reachable > recognizable OR reachable < 0",
    "SELECT 'ko' || o.id || ': it is no root of a living vat, but marked as one, or the other way'"
    " FROM object o LEFT JOIN clist c ON c.kref = 'ko' || o.id AND c.vref = 'o+0'"
    " LEFT JOIN vat v ON v.id = c.vat AND v.state <> 'terminated' WHERE o.root <> (v.id IS NOT "
    "NULL)",
    "SELECT kref || ': held ' || count || ' times by one holder, which cannot be' FROM hold"
    " WHERE count NOT BETWEEN 1 AND 2147483646",
    "SELECT 'vat ' || v.id || ': its bundle is not in the database' FROM vat v"
    " WHERE v.state <> 'terminated' AND NOT EXISTS"
    " (SELECT 1 FROM bundle WHERE sha256 = v.bundle)",
};

static void
audit_rules(struct kernel *kernel, struct buf *problems)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct query *query = db_query(state_db(kernel->state), rules[i], "");
        while (query_next(query)) {
            struct bytes text = query_bytes(query, 0);
            buf_append(problems, text.data, text.size);
            buf_byte(problems, '\n');
        }
        query_end(query);
    }
}

void
kernel_audit(struct kernel *kernel, struct buf *problems)
{
    audit_counts(kernel, problems);
    audit_queued(kernel, problems);
    audit_rules(kernel, problems);
}
