/* Upgrading vats: the next incarnation starts beside the old one, and takes its place when the
 * kernel has accepted the start. */
#include "host/internal.h"
#include "state/bundle.h"

#include <stdlib.h>

/* Delivers the start to a new incarnation; NULL, and the outcome says why, when there is none. */
static struct vat *
start_next(struct host *host, const struct crank *crank, struct outcome *outcome)
{
    struct vat *next = host_open_next(host, crank->vat);
    *outcome = (struct outcome){.fault = VAT_FAULT_BROKEN};
    if (next == NULL)
        outcome->reason = buf_string(&host->reason);
    else
        vat_deliver(next, crank->delivery, VAT_LIVE, outcome);
    return next;
}

static void
replace(struct host *host, uint64_t number, struct vat *next)
{
    vat_keep(next);
    host_forget(host, number);
    host_keep_online(host, number, next);
}

static void
log_failure(struct host *host, uint64_t vat, const char *reason)
{
    struct buf text = {0};
    buf_format(&text, "the upgrade failed, the vat goes on as it was: %s", reason);
    host_log_add(host, LOG_FAULT, vat, buf_view(&text));
    buf_free(&text);
}

void
host_upgrade_crank(struct host *host, const struct crank *crank)
{
    struct outcome outcome;
    const char *reason;
    struct vat *next = start_next(host, crank, &outcome);
    bool good = kernel_upgrade_finish(host->kernel, &outcome, &reason);
    host_log_outcome(host, crank->vat, &outcome, good);
    if (good) {
        replace(host, crank->vat, next);
    } else {
        log_failure(host, crank->vat, reason);
        vat_close(next);
    }
    bundle_sweep(kernel_state(host->kernel));
}

bool
host_upgrade_now(struct host *host, uint64_t vat, struct bytes bundle, bool keep)
{
    struct outcome outcome;
    struct crank crank;
    const char *reason = NULL;
    kernel_upgrade_begin(host->kernel, vat, bundle, NULL, host_now(host), &crank);
    struct vat *next = start_next(host, &crank, &outcome);
    bool good = kernel_upgrade_try(host->kernel, &outcome, keep, &reason);
    if (keep)
        host_log_outcome(host, vat, &outcome, good);
    struct buf copy = {0};
    if (!good)
        buf_text(&copy, reason);
    if (good && keep)
        replace(host, vat, next);
    else
        vat_close(next);
    host_make_room(host);
    buf_clear(&host->reason);
    buf_append(&host->reason, copy.data, copy.size);
    buf_free(&copy);
    return good;
}

const char *
host_reason(struct host *host)
{
    return buf_string(&host->reason);
}
