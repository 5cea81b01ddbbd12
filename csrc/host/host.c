#include "host/host.h"

#include <assert.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "host/bring.h"
#include "host/cycles.h"
#include "host/imaging.h"
#include "host/internal.h"
#include "host/log.h"
#include "host/online.h"
#include "host/trim.h"
#include "host/upgrading.h"
#include "kernel/face/block.h"
#include "kernel/face/vats.h"

/* Life */

struct host *
host_open(const struct host_options *options, char **error)
{
    struct kernel *kernel = kernel_open(options->path, options->mode, error);
    if (kernel == NULL)
        return NULL;
    struct host *host = memory_zero(sizeof *host);
    host->kernel = kernel;
    host->options = *options;
    host->options.path = NULL; /* the caller's */
    host->trimmed_at = kernel_cranks(kernel);
    return host;
}

bool
host_close(struct host *host)
{
    if (host == NULL)
        return true;
    bool good = host->options.mode == DB_READ || host_commit(host);
    while (host->newest != NULL)
        online_forget(host, host->newest->number);
    assert(host->online_count == 0);
    kernel_close(host->kernel);
    log_free(host);
    free(host->vats);
    list_free(&host->due);
    ZSTD_freeCCtx(host->compressor);
    free(host);
    return good;
}

struct kernel *
host_kernel(struct host *host)
{
    return host->kernel;
}

/* Time */

double
host_now(const struct host *host)
{
    return host->clocked ? host->now : clock_since_1970();
}

void
host_set_now(struct host *host, double now)
{
    host->clocked = true;
    host->now = now;
}

/* Committing */

bool
host_commit(struct host *host)
{
    host->cranks = 0;
    host->block_start = clock_since_start();
    imaging_save_due(host);
    bool good = kernel_commit(host->kernel);
    assert(!good || !kernel_is_dirty(host->kernel));
    return good;
}

static bool
commit_is_due(struct host *host)
{
    if (++host->cranks >= host->options.commit_every)
        return true;
    if (host->options.commit_ms <= 0)
        return false;
    return (clock_since_start() - host->block_start) * 1000 >= (double)host->options.commit_ms;
}

bool
host_crank_done(struct host *host)
{
    online_make_room(host);
    return !commit_is_due(host) || host_commit(host);
}

/* Stepping */

/* The vat that the crank delivers to, in memory; NULL when it cannot be there. */
static struct online *
receiver(struct host *host, const struct crank *crank, struct buf *why)
{
    if (!crank->rebuild)
        return bring_back(host, crank->vat, why);
    online_forget(host, crank->vat);
    struct vat *vat = bring_next(host, crank->vat, why);
    return vat == NULL ? NULL : online_keep(host, crank->vat, vat);
}

/* A vat without a transcript begins anew from its durable tables; any other fails. */
static void
cannot_bring(struct host *host, const struct crank *crank, struct buf *why)
{
    const char *stopped = kernel_stopped(host->kernel);
    if (stopped != NULL) { /* it is the store that failed, not the vat: nobody is told of a vat */
        crank_cannot_load(host->kernel, stopped);
        return;
    }
    struct vat_info info = {0};
    kernel_vat_info(host->kernel, crank->vat, &info);
    assert(info.id == crank->vat);
    if (!info.settings.transcript && !crank->rebuild) {
        log_add(host, LOG_NOTICE, crank->vat, buf_view(why));
        crank_lost_heap(host->kernel);
        return;
    }
    crank_cannot_load(host->kernel, buf_string(why));
    log_fault(host, crank->vat);
}

static void
deliver(struct host *host, const struct crank *crank)
{
    struct buf why = {0};
    struct online *online = receiver(host, crank, &why);
    if (online == NULL) {
        cannot_bring(host, crank, &why);
        assert(!kernel_in_crank(host->kernel));
        buf_free(&why);
        return;
    }
    assert(kernel_in_crank(host->kernel) && online->number == crank->vat);
    struct outcome outcome;
    vat_deliver(online->vat, crank->delivery, VAT_LIVE, &outcome);
    bool kept = crank_finish(host->kernel, &outcome);
    assert(!kernel_in_crank(host->kernel));
    log_outcome(host, crank->vat, &outcome, kept);
    if (kept) {
        vat_keep(online->vat);
        imaging_count(host, online);
    } else {
        vat_undo(online->vat);
        log_fault(host, crank->vat);
    }
    if (!kernel_vat_lives(host->kernel, crank->vat))
        online_forget(host, crank->vat);
}

enum host_step
host_step(struct host *host)
{
    struct crank crank;
    assert(!kernel_in_crank(host->kernel));
    switch (crank_begin(host->kernel, host_now(host), &crank)) {
    case CRANK_STOPPED:
        return HOST_STOPPED;
    case CRANK_IDLE:
        if (cycles_look(host))
            return HOST_DONE;
        if (kernel_is_dirty(host->kernel) && !host_commit(host))
            return HOST_STOPPED;
        trim_at_rest(host);
        return HOST_IDLE;
    case CRANK_DELIVER:
        deliver(host, &crank);
        break;
    case CRANK_UPGRADE:
        upgrading_deliver(host, &crank);
        break;
    case CRANK_DONE:
        break;
    }
    if (kernel_stopped(host->kernel) != NULL) {
        host_commit(host);
        return HOST_STOPPED;
    }
    return host_crank_done(host) ? HOST_DONE : HOST_STOPPED;
}
