#include "host/upgrading.h"

#include <assert.h>

#include "host/bring.h"
#include "host/log.h"
#include "host/online.h"
#include "kernel/face/block.h"
#include "kernel/face/bundles.h"

/* Delivers the start to a new incarnation; NULL, and the outcome says why, when there is none. The
   outcome borrows from broken. */
static struct vat *
start_next(
    struct host *host, const struct crank *crank, struct outcome *outcome, struct buf *broken)
{
    assert(kernel_in_crank(host->kernel));
    struct vat *next = bring_next(host, crank->vat, broken);
    *outcome = (struct outcome){.fault = VAT_FAULT_BROKEN};
    if (next == NULL)
        outcome->reason = buf_string(broken);
    else
        vat_deliver(next, crank->delivery, VAT_LIVE, outcome);
    assert(next != NULL || outcome->fault != VAT_OK);
    return next;
}

static void
replace(struct host *host, uint64_t number, struct vat *next)
{
    assert(!kernel_in_crank(host->kernel));
    vat_keep(next);
    online_forget(host, number);
    online_keep(host, number, next);
}

static void
log_failure(struct host *host, uint64_t vat, const char *reason)
{
    struct buf text = {0};
    buf_format(&text, "the upgrade failed, the vat goes on as it was: %s", reason);
    log_say(host, LOG_FAULT, vat, &text);
}

void
upgrading_deliver(struct host *host, const struct crank *crank)
{
    struct outcome outcome;
    struct buf broken = {0};
    const char *reason;
    struct vat *next = start_next(host, crank, &outcome, &broken);
    bool good = kernel_upgrade_finish(host->kernel, &outcome, &reason);
    assert(!good || next != NULL);
    log_outcome(host, crank->vat, &outcome, good);
    if (good) {
        replace(host, crank->vat, next);
    } else {
        log_failure(host, crank->vat, reason);
        vat_close(next);
    }
    buf_free(&broken);
    kernel_sweep_bundles(host->kernel);
}

bool
host_upgrade_now(struct host *host, uint64_t vat, struct bytes bundle, bool keep, struct buf *why)
{
    struct outcome outcome;
    struct crank crank;
    struct buf broken = {0};
    const char *reason = NULL;
    assert(!kernel_in_crank(host->kernel));
    kernel_upgrade_begin(host->kernel, vat, bundle, NULL, host_now(host), &crank);
    struct vat *next = start_next(host, &crank, &outcome, &broken);
    bool good = kernel_upgrade_try(host->kernel, &outcome, keep, &reason);
    assert(good ? next != NULL : reason != NULL);
    assert(!kernel_in_crank(host->kernel));
    if (keep)
        log_outcome(host, vat, &outcome, good);
    if (!good)
        buf_text(why, reason);
    if (good && keep)
        replace(host, vat, next);
    else
        vat_close(next);
    buf_free(&broken);
    online_make_room(host);
    return good;
}
