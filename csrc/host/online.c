/* The vats in memory, and how one gets there. */
#include "base/show.h"
#include "host/internal.h"
#include "state/transcript.h"
#include "state/vatstore.h"

#include <stdlib.h>

void
host_keep_online(struct host *host, uint64_t number, struct vat *vat)
{
    if (number >= host->vat_count) {
        size_t count = (size_t)number * 2 + 16;
        host->vats = memory_resize(host->vats, count * sizeof(struct vat *));
        for (size_t i = host->vat_count; i < count; i++)
            host->vats[i] = NULL;
        host->vat_count = count;
    }
    host->vats[number] = vat;
}

void
host_forget(struct host *host, uint64_t number)
{
    if (number >= host->vat_count)
        return;
    vat_close(host->vats[number]);
    host->vats[number] = NULL;
}

void
host_vat_ended(struct host *host, uint64_t number)
{
    host_forget(host, number);
}

void
host_online(const struct host *host, size_t *count, uint64_t *bytes)
{
    *count = 0;
    *bytes = 0;
    for (size_t i = 0; i < host->vat_count; i++) {
        if (host->vats[i] == NULL)
            continue;
        ++*count;
        *bytes += vat_heap_used(host->vats[i]);
    }
}

static struct vat *
open_vat(struct host *host, uint64_t number, const struct vat_settings *settings,
    const struct vat_module *modules, size_t count)
{
    struct vat_options options = {
        .number = number,
        .time_limit = (double)settings->time_limit_us / 1e6,
        .instruction_budget = (uint64_t)settings->instruction_budget,
        .memory_limit = (uint64_t)settings->memory_limit,
    };
    const char *reason = NULL;
    struct vat *vat = vat_open(&options, modules, count, &reason);
    buf_clear(&host->reason);
    if (vat == NULL)
        buf_text(&host->reason, reason);
    return vat;
}

struct vat *
host_open_vat(struct host *host, uint64_t number, const struct vat_settings *settings,
    const struct vat_module *modules, size_t count)
{
    struct vat *vat = open_vat(host, number, settings, modules, count);
    if (vat != NULL)
        host_page(host, number, settings, vat);
    return vat;
}

/* From the bundle in the database */

bool
host_read_bundle(struct host *host, struct bytes sha256, struct stored_bundle *bundle)
{
    size_t size = 0;
    *bundle = (struct stored_bundle){0};
    bundle->source = bundle_source(kernel_state(host->kernel), sha256, &size);
    struct reader reader = reader_of((struct bytes){bundle->source, size});
    while (read_more(&reader)) {
        bundle->modules =
            memory_resize(bundle->modules, (bundle->count + 1) * sizeof *bundle->modules);
        bundle->modules[bundle->count].name = read_bytes(&reader);
        bundle->modules[bundle->count++].source = read_bytes(&reader);
    }
    if (bundle->source != NULL && !reader.bad && bundle->count > 0)
        return true;
    buf_clear(&host->reason);
    buf_format(&host->reason, "its bundle %.*s is %s", (int)sha256.size, (const char *)sha256.data,
        bundle->source == NULL ? "not in the database" : "damaged");
    host_free_bundle(bundle);
    return false;
}

void
host_free_bundle(struct stored_bundle *bundle)
{
    free(bundle->modules);
    free(bundle->source);
}

static struct vat *
open_stored(struct host *host, const struct vat_record *record)
{
    struct stored_bundle bundle;
    if (!host_read_bundle(host, blob_bytes(record->bundle), &bundle))
        return NULL;
    struct vat *vat = open_vat(host, record->id, &record->settings, bundle.modules, bundle.count);
    host_free_bundle(&bundle);
    return vat;
}

static void
load_vatstore(void *context, struct bytes key, struct bytes body, struct bytes slots)
{
    vat_load(context, SPACE_VATSTORE, key, body, slots);
}

static void
load_durable(void *context, struct bytes key, struct bytes body, struct bytes slots)
{
    vat_load(context, SPACE_DURABLE, key, body, slots);
}

static void
load_rows(struct host *host, struct vat *vat, uint64_t number)
{
    struct state *state = kernel_state(host->kernel);
    vatstore_load(state, number, SPACE_VATSTORE, load_vatstore, vat);
    vatstore_load(state, number, SPACE_DURABLE, load_durable, vat);
}

/* The vat is as its rows are: it reads them as it needs them. */
static void
page_rows(struct host *host, struct vat *vat, const struct vat_record *record)
{
    if (!record->settings.paged)
        vatstore_load(kernel_state(host->kernel), record->id, SPACE_VATSTORE, load_vatstore, vat);
    host_page(host, record->id, &record->settings, vat);
}

struct vat *
host_open_next(struct host *host, uint64_t number)
{
    struct vat *vat = open_stored(host, vat_get(kernel_state(host->kernel), number));
    if (vat != NULL)
        page_rows(host, vat, vat_get(kernel_state(host->kernel), number));
    return vat;
}

/* By replay */

static void
load_before(void *context, const struct change *change)
{
    if (change->before.present)
        vat_load(context, change->space, change->key, change->before.body, change->before.slots);
    else
        vat_unload(context, change->space, change->key);
}

/* The durable tables as they were when the incarnation began. The first one found them empty. */
static bool
load_beginning(struct host *host, struct vat *vat, const struct vat_record *record)
{
    if (record->incarnation == 0)
        return true;
    load_rows(host, vat, record->id);
    return transcript_walk_back(
        kernel_state(host->kernel), record->id, record->incarnation, load_before, vat);
}

struct replay {
    struct host *host;
    struct vat *vat;
};

static void
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
}

static bool
replay_one(void *context, int64_t position, const struct transcript_entry *entry)
{
    struct replay *replay = context;
    struct outcome outcome;
    vat_expect(replay->vat, entry->syscalls);
    vat_deliver(replay->vat, entry->delivery, VAT_REPLAY, &outcome);
    if (outcome.fault != VAT_OK || !bytes_equal(outcome.syscalls, entry->syscalls) ||
        transcript_hash(outcome.changes) != entry->changes) {
        differs(replay, position, entry, &outcome);
        vat_undo(replay->vat);
        return false;
    }
    vat_keep(replay->vat);
    return true;
}

static bool
replay(struct host *host, struct vat *vat, const struct vat_record *record)
{
    struct replay context = {host, vat};
    enum replay_end end = REPLAY_DAMAGED;
    if (load_beginning(host, vat, record))
        end = transcript_replay(
            kernel_state(host->kernel), record->id, record->incarnation, replay_one, &context);
    if (end == REPLAY_DAMAGED) {
        buf_clear(&host->reason);
        buf_text(&host->reason, "replay: its transcript is damaged");
    }
    return end == REPLAY_DONE;
}

struct vat *
host_bring(struct host *host, uint64_t number)
{
    if (number < host->vat_count && host->vats[number] != NULL)
        return host->vats[number];
    struct state *state = kernel_state(host->kernel);
    struct vat_record *record = vat_get(state, number);
    struct vat *vat = open_stored(host, record);
    if (vat == NULL)
        return NULL;
    if (record->settings.transcript) {
        if (!replay(host, vat, record)) {
            vat_close(vat);
            return NULL;
        }
        host_page(host, number, &record->settings, vat);
    } else {
        page_rows(host, vat, record);
    }
    host_keep_online(host, number, vat);
    return vat;
}

struct vat *
host_vat(struct host *host, uint64_t number)
{
    return vat_get(kernel_state(host->kernel), number) == NULL ? NULL : host_bring(host, number);
}
