/* The loop: one crank after the other, the log of each, and when a block is committed. */
#include "base/memory.h"
#include "host/host.h"
#include "host/internal.h"
#include "state/counter.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

static double
seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

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
    host->trimmed_at = counter_last(kernel_state(kernel), COUNTER_CRANK);
    return host;
}

bool
host_close(struct host *host)
{
    if (host == NULL)
        return true;
    bool good = host->options.mode == DB_READ || host_commit(host);
    while (host->newest != NULL)
        host_forget(host, host->newest->number);
    kernel_close(host->kernel);
    host_log_clear(host);
    free(host->log);
    free(host->vats);
    free(host->due);
    ZSTD_freeCCtx(host->compressor);
    buf_free(&host->reason);
    buf_free(&host->unused);
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
    return host->clocked ? host->now : seconds(CLOCK_REALTIME);
}

void
host_set_now(struct host *host, double now)
{
    host->clocked = true;
    host->now = now;
}

/* The log */

const struct log_entry *
host_log(struct host *host, size_t *count)
{
    *count = host->log_count;
    return host->log;
}

void
host_log_clear(struct host *host)
{
    for (size_t i = 0; i < host->log_count; i++)
        free(host->log[i].text);
    host->log_count = 0;
}

void
host_log_add(struct host *host, enum log_level level, uint64_t vat, struct bytes text)
{
    if (host->log_count == host->log_capacity) {
        host->log_capacity = host->log_capacity == 0 ? 16 : host->log_capacity * 2;
        host->log = memory_resize(host->log, host->log_capacity * sizeof *host->log);
    }
    host->log[host->log_count++] = (struct log_entry){
        .level = level,
        .vat = vat,
        .crank = counter_last(kernel_state(host->kernel), COUNTER_CRANK),
        .text = (char *)memory_copy(text),
        .size = text.size,
    };
}

void
host_log_outcome(struct host *host, uint64_t vat, const struct outcome *outcome, bool kept)
{
    static const enum log_level levels[] = {
        [VAT_LOG_PRINT] = LOG_PRINT,
        [VAT_LOG_UNHANDLED] = LOG_UNHANDLED,
        [VAT_LOG_FAULT] = LOG_FAULT,
        [VAT_LOG_NOTICE] = LOG_NOTICE,
    };
    for (size_t i = 0; i < outcome->log_count; i++) {
        enum log_level level = levels[outcome->log[i].level];
        bool undone = !kept && level == LOG_PRINT;
        host_log_add(host, undone ? LOG_UNDONE : level, vat, outcome->log[i].text);
    }
}

/* Committing */

bool
host_commit(struct host *host)
{
    host->cranks = 0;
    host->block_start = seconds(CLOCK_MONOTONIC);
    host_save_due(host);
    return state_commit(kernel_state(host->kernel));
}

static bool
commit_is_due(struct host *host)
{
    if (++host->cranks >= host->options.commit_every)
        return true;
    if (host->options.commit_ms <= 0)
        return false;
    return (seconds(CLOCK_MONOTONIC) - host->block_start) * 1000 >= (double)host->options.commit_ms;
}

/* After each crank; false when the store failed. */
bool
host_crank_done(struct host *host)
{
    host_make_room(host);
    return !commit_is_due(host) || host_commit(host);
}

/* Stepping */

/* A fault that the kernel noted, told in the log beside what the vat printed. */
static void
log_fault(struct host *host, uint64_t vat)
{
    struct vat_record *record = vat_record_get(kernel_state(host->kernel), vat);
    if (record != NULL && record->fault != NULL && record->fault->size > 0)
        host_log_add(host, LOG_FAULT, vat, bytes_of((const char *)record->fault->body));
}

/* The vat that the crank delivers to, in memory; NULL with host->reason set. */
static struct online *
receiver(struct host *host, const struct crank *crank)
{
    if (!crank->rebuild)
        return host_bring(host, crank->vat);
    host_forget(host, crank->vat);
    struct vat *vat = host_open_next(host, crank->vat);
    return vat == NULL ? NULL : host_keep_online(host, crank->vat, vat);
}

/* A vat without a transcript begins anew from its durable tables; any other fails. */
static void
cannot_bring(struct host *host, const struct crank *crank)
{
    const char *stopped = kernel_stopped(host->kernel);
    if (stopped != NULL) { /* it is the store that failed, not the vat: nobody is told of a vat */
        crank_cannot_load(host->kernel, stopped);
        return;
    }
    const struct vat_record *record = vat_record_get(kernel_state(host->kernel), crank->vat);
    if (!record->settings.transcript && !crank->rebuild) {
        host_log_add(host, LOG_NOTICE, crank->vat, buf_view(&host->reason));
        crank_lost_heap(host->kernel);
        return;
    }
    crank_cannot_load(host->kernel, buf_string(&host->reason));
    log_fault(host, crank->vat);
}

static void
deliver(struct host *host, const struct crank *crank)
{
    struct online *online = receiver(host, crank);
    if (online == NULL) {
        cannot_bring(host, crank);
        return;
    }
    struct outcome outcome;
    vat_deliver(online->vat, crank->delivery, VAT_LIVE, &outcome);
    bool kept = crank_finish(host->kernel, &outcome);
    host_log_outcome(host, crank->vat, &outcome, kept);
    if (kept) {
        vat_keep(online->vat);
        host_count_delivery(host, online);
    } else {
        vat_undo(online->vat);
        log_fault(host, crank->vat);
    }
    if (!kernel_vat_lives(host->kernel, crank->vat))
        host_forget(host, crank->vat);
}

enum host_step
host_step(struct host *host)
{
    struct crank crank;
    switch (crank_begin(host->kernel, host_now(host), &crank)) {
    case CRANK_STOPPED:
        return HOST_STOPPED;
    case CRANK_IDLE:
        if (host_look_for_cycles(host))
            return HOST_DONE;
        if (state_is_dirty(kernel_state(host->kernel)) && !host_commit(host))
            return HOST_STOPPED;
        host_rest(host);
        return HOST_IDLE;
    case CRANK_DELIVER:
        deliver(host, &crank);
        break;
    case CRANK_UPGRADE:
        host_upgrade_crank(host, &crank);
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
