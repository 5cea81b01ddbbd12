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

struct vat *
host_open_vat(struct host *host, uint64_t number, const struct vat_settings *settings,
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

/* From the bundle in the database */

static struct vat *
open_stored(struct host *host, const struct vat_record *record)
{
    size_t size = 0;
    struct bytes name = blob_bytes(record->bundle);
    uint8_t *source = bundle_source(kernel_state(host->kernel), name, &size);
    struct vat_module *modules = NULL;
    size_t count = 0;
    struct vat *vat = NULL;
    struct reader reader = reader_of((struct bytes){source, size});
    while (read_more(&reader)) {
        modules = memory_resize(modules, (count + 1) * sizeof *modules);
        modules[count].name = read_bytes(&reader);
        modules[count++].source = read_bytes(&reader);
    }
    if (source == NULL || reader.bad || count == 0) {
        buf_clear(&host->reason);
        buf_format(&host->reason, "its bundle %.*s is %s", (int)name.size, (const char *)name.data,
            source == NULL ? "not in the database" : "damaged");
    } else {
        vat = host_open_vat(host, record->id, &record->settings, modules, count);
    }
    free(modules);
    free(source);
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

/* By replay */

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
    enum replay_end end = transcript_replay(
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
    } else {
        vatstore_load(state, number, SPACE_VATSTORE, load_vatstore, vat);
        vatstore_load(state, number, SPACE_DURABLE, load_durable, vat);
    }
    host_keep_online(host, number, vat);
    return vat;
}

struct vat *
host_vat(struct host *host, uint64_t number)
{
    return vat_get(kernel_state(host->kernel), number) == NULL ? NULL : host_bring(host, number);
}
