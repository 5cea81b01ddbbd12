/* Replay: a vat gets its heap back by its transcript, from the incarnation's beginning or from
 * where an image was saved. Each delivery must ask the same syscalls and leave the same changes. */
#include "base/show.h"
#include "host/internal.h"
#include "host/past.h"
#include "state/transcript.h"

struct replay {
    struct host *host;
    struct vat *vat;
    struct past *past; /* NULL: the rows of the beginning, of which there are none */
    bool from_start;
    int64_t next; /* position; -1: the first one tells */
};

static bool
refuse(struct replay *replay, const char *why)
{
    buf_clear(&replay->host->reason);
    buf_format(&replay->host->reason, "replay: %s", why);
    return false;
}

static bool
differs(struct replay *replay, int64_t position, const struct transcript_entry *entry,
    const struct outcome *outcome)
{
    struct buf *reason = &replay->host->reason;
    buf_clear(reason);
    buf_format(reason, "replay: delivery %lld came out differently", (long long)position);
    if (outcome->fault != VAT_OK)
        buf_format(reason, ": %s", outcome->reason);
    buf_text(reason, "\nrecorded:\n");
    show_syscalls(reason, entry->syscalls);
    buf_text(reason, "got:\n");
    show_syscalls(reason, outcome->syscalls);
    if (bytes_equal(entry->syscalls, outcome->syscalls))
        buf_text(reason, "(the same, but other changes of the durable tables)\n");
    return false;
}

static bool
is_start(struct bytes bytes)
{
    struct arena arena = {0};
    struct delivery delivery;
    bool start = delivery_decode(bytes, &arena, &delivery) && delivery.kind == DELIVER_START_VAT;
    arena_free(&arena);
    return start;
}

static bool
refuse_gap(struct replay *replay)
{
    struct host *host = replay->host;
    if (replay->next >= 0)
        return refuse(replay, "deliveries are missing from its transcript; upgrade the vat");
    buf_clear(&host->reason);
    buf_format(&host->reason,
        "its transcript does not begin with its start, which was compacted away, and %s: put that "
        "right and resume the vat, or upgrade the vat",
        host->unused.size > 0 ? buf_string(&host->unused) : "there is no image of its heap");
    return false;
}

/* Whether the delivery is the one that must come next. */
static bool
is_next(struct replay *replay, int64_t position, const struct transcript_entry *entry)
{
    bool first = replay->next < 0;
    if (first ? !is_start(entry->delivery) : position != replay->next)
        return refuse_gap(replay);
    replay->next = position + 1;
    return true;
}

static bool
replay_one(void *context, int64_t position, const struct transcript_entry *entry)
{
    struct replay *replay = context;
    struct outcome outcome;
    if (!is_next(replay, position, entry))
        return false;
    vat_expect(replay->vat, entry->syscalls);
    vat_deliver(replay->vat, entry->delivery, VAT_REPLAY, &outcome);
    if (outcome.fault != VAT_OK || !bytes_equal(outcome.syscalls, entry->syscalls) ||
        transcript_hash(outcome.changes) != entry->changes) {
        vat_undo(replay->vat);
        return differs(replay, position, entry, &outcome);
    }
    vat_keep(replay->vat);
    if (replay->past != NULL)
        past_apply(replay->past, outcome.changes);
    return true;
}

/* The rows of the beginning are none, when it is the first incarnation's. */
static bool
open_past(struct replay *replay, const struct vat_record *record, int64_t from)
{
    if (replay->from_start && record->incarnation == 0)
        return true;
    replay->past =
        past_open(kernel_state(replay->host->kernel), record->id, record->incarnation, from);
    if (replay->past != NULL)
        past_page(replay->past, replay->vat, record->settings.paged);
    return replay->past != NULL;
}

bool
host_replay(struct host *host, struct vat *vat, const struct vat_record *record, int64_t from)
{
    struct replay replay = {.host = host, .vat = vat, .from_start = from < 0, .next = from};
    enum replay_end end = REPLAY_DAMAGED;
    if (from < 0)
        from = 0;
    if (open_past(&replay, record, from))
        end = transcript_replay(
            kernel_state(host->kernel), record->id, record->incarnation, from, replay_one, &replay);
    if (end == REPLAY_DAMAGED) {
        refuse(&replay, "its transcript is damaged");
    } else if (end == REPLAY_DONE && replay.next != record->position) {
        refuse_gap(&replay);
        end = REPLAY_STOPPED;
    }
    if (end == REPLAY_DONE)
        host_page(host, record->id, &record->settings, vat);
    else
        vat_close(vat); /* while the past that it reads is there */
    past_close(replay.past);
    return end == REPLAY_DONE;
}
