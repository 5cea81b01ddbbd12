#include "host/replay.h"

#include <assert.h>

#include "base/show.h"
#include "host/page.h"
#include "host/past.h"
#include "kernel/face/history.h"

struct replay {
    struct kernel *kernel;
    struct vat *vat;
    struct buf *why;
    struct buf *unused;
    struct past *past; /* NULL: the rows of the beginning, of which there are none */
    bool from_start;
    int64_t next; /* position; -1: the first one tells */
};

static bool
refuse(struct replay *replay, const char *why)
{
    buf_format(replay->why, "replay: %s", why);
    return false;
}

static bool
differs(struct replay *replay, int64_t position, const struct past_delivery *past,
    const struct outcome *outcome)
{
    struct buf *reason = replay->why;
    buf_format(reason, "replay: delivery %lld came out differently", (long long)position);
    if (outcome->fault != VAT_OK)
        buf_format(reason, ": %s", outcome->reason);
    buf_text(reason, "\nrecorded:\n");
    show_syscalls(reason, past->syscalls);
    buf_text(reason, "got:\n");
    show_syscalls(reason, outcome->syscalls);
    if (bytes_equal(past->syscalls, outcome->syscalls))
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
    struct buf *unused = replay->unused;
    if (replay->next >= 0)
        return refuse(replay, "deliveries are missing from its transcript; upgrade the vat");
    buf_format(replay->why,
        "its transcript does not begin with its start, which was compacted away, and %s: put that "
        "right and resume the vat, or upgrade the vat",
        unused->size > 0 ? buf_string(unused) : "there is no image of its heap");
    return false;
}

/* Whether the delivery is the one that must come next. */
static bool
is_next(struct replay *replay, int64_t position, const struct past_delivery *past)
{
    bool first = replay->next < 0;
    assert(!first || replay->from_start);
    if (first ? !is_start(past->delivery) : position != replay->next)
        return refuse_gap(replay);
    replay->next = position + 1;
    return true;
}

static bool
replay_one(void *context, int64_t position, const struct past_delivery *past)
{
    struct replay *replay = context;
    struct outcome outcome;
    if (!is_next(replay, position, past))
        return false;
    vat_expect(replay->vat, past->syscalls);
    vat_deliver(replay->vat, past->delivery, VAT_REPLAY, &outcome);
    if (outcome.fault != VAT_OK || !bytes_equal(outcome.syscalls, past->syscalls) ||
        kernel_changes_hash(outcome.changes) != past->changes) {
        vat_undo(replay->vat);
        return differs(replay, position, past, &outcome);
    }
    vat_keep(replay->vat);
    if (replay->past != NULL)
        past_apply(replay->past, outcome.changes);
    return true;
}

/* The rows of the beginning are none, when it is the first incarnation's. */
static bool
open_past(struct replay *replay, const struct vat_info *info, int64_t from)
{
    if (replay->from_start && info->incarnation == 0)
        return true;
    replay->past = past_open(replay->kernel, info->id, from);
    if (replay->past != NULL)
        past_page(replay->past, replay->vat, info->settings.paged);
    return replay->past != NULL;
}

bool
replay_vat(struct kernel *kernel, const struct vat_info *info, struct vat *vat, int64_t from,
    struct buf *unused, struct buf *why)
{
    assert(info->settings.transcript && (from < 0 || from <= info->position));
    struct replay replay = {.kernel = kernel,
        .vat = vat,
        .why = why,
        .unused = unused,
        .from_start = from < 0,
        .next = from};
    enum history_end end = HISTORY_DAMAGED;
    if (from < 0)
        from = 0;
    if (open_past(&replay, info, from))
        end = kernel_history(kernel, info->id, from, replay_one, &replay);
    if (end == HISTORY_DAMAGED) {
        refuse(&replay, "its transcript is damaged");
    } else if (end == HISTORY_DONE && replay.next != info->position) {
        refuse_gap(&replay);
        end = HISTORY_STOPPED;
    }
    assert(end == HISTORY_DONE || why->size > 0);
    if (end == HISTORY_DONE)
        page_vat(kernel, info->id, &info->settings, vat);
    else
        vat_close(vat); /* while the past that it reads is there */
    past_close(replay.past);
    return end == HISTORY_DONE;
}
