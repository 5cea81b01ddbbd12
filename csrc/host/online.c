/* The vats in memory, how one gets there, and how it goes again.
 *
 * They form a list, the one used last first. Above the limit the last of it is paged out, between
 * two cranks: a vat with a transcript comes back by its image and a replay; one without must leave
 * an image behind, as nothing else can bring its heap back. */
#include "base/memory.h"
#include "base/read.h"
#include "host/internal.h"
#include "state/bundle.h"
#include "state/transcript.h"
#include "state/vatstore.h"

#include <stdlib.h>

#define WORTH_SAVING 50 /* deliveries whose replay costs more than an image, when paged out */

/* The list */

struct online *
host_find_online(const struct host *host, uint64_t number)
{
    return number < host->vat_count ? host->vats[number] : NULL;
}

static void
unlink_online(struct host *host, struct online *online)
{
    *(online->newer == NULL ? &host->newest : &online->newer->older) = online->older;
    *(online->older == NULL ? &host->oldest : &online->older->newer) = online->newer;
}

static void
link_newest(struct host *host, struct online *online)
{
    online->newer = NULL;
    online->older = host->newest;
    *(host->newest == NULL ? &host->oldest : &host->newest->newer) = online;
    host->newest = online;
}

static void
make_place(struct host *host, uint64_t number)
{
    if (number < host->vat_count)
        return;
    size_t count = (size_t)number * 2 + 16;
    host->vats = memory_resize(host->vats, count * sizeof(struct online *));
    for (size_t i = host->vat_count; i < count; i++)
        host->vats[i] = NULL;
    host->vat_count = count;
}

struct online *
host_keep_online(struct host *host, uint64_t number, struct vat *vat)
{
    make_place(host, number);
    struct online *online = memory_zero(sizeof *online);
    const struct vat_record *record = vat_record_get(kernel_state(host->kernel), number);
    online->number = number;
    online->vat = vat;
    online->since = 1; /* its start */
    online->interval = record->settings.transcript ? record->settings.snapshot_interval : 0;
    host->vats[number] = online;
    host->online_count++;
    link_newest(host, online);
    return online;
}

void
host_forget(struct host *host, uint64_t number)
{
    struct online *online = host_find_online(host, number);
    if (online == NULL)
        return;
    unlink_online(host, online);
    host->vats[number] = NULL;
    host->online_count--;
    vat_close(online->vat);
    free(online);
}

void
host_vat_ended(struct host *host, uint64_t number)
{
    host_forget(host, number);
}

void
host_online(const struct host *host, size_t *count, uint64_t *bytes)
{
    *count = host->online_count;
    *bytes = 0;
    for (const struct online *online = host->newest; online != NULL; online = online->older)
        *bytes += vat_heap_used(online->vat);
}

/* Paging out */

/* Without a transcript only an image can bring the heap back. */
static void
page_out(struct host *host, struct online *online, bool between_cranks)
{
    const struct vat_record *record = vat_record_get(kernel_state(host->kernel), online->number);
    bool must = record != NULL && !record->settings.transcript && online->since > 0;
    bool pays = online->interval > 0 && online->since >= WORTH_SAVING && between_cranks;
    if (must || pays)
        host_save_image(host, online);
    host_forget(host, online->number);
}

void
host_make_room(struct host *host)
{
    while (host->online_count > (size_t)host->options.vats_online)
        page_out(host, host->oldest, true);
}

bool
host_clear_range(struct host *host, uint64_t base)
{
    for (struct online *online = host->newest; online != NULL; online = online->older) {
        if (vat_base(online->vat) == base) {
            page_out(host, online, false);
            return true;
        }
    }
    return false;
}

/* Opening */

struct vat_options
host_vat_options(uint64_t number, const struct vat_settings *settings)
{
    return (struct vat_options){
        .number = number,
        .time_limit = (double)settings->time_limit_us / 1e6,
        .instruction_budget = (uint64_t)settings->instruction_budget,
        .memory_limit = (uint64_t)settings->memory_limit,
    };
}

static struct vat *
open_vat(struct host *host, uint64_t number, const struct vat_settings *settings,
    const struct vat_module *modules, size_t count)
{
    struct vat_options options = host_vat_options(number, settings);
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
    char name[SHA256_TEXT];
    host_name_bundle((struct bytes){bundle->source, size}, name);
    if (bundle->source != NULL && !reader.bad && bundle->count > 0 &&
        bytes_equal(bytes_of(name), sha256))
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

static bool
load_row(void *context, struct bytes key, struct entry_value value)
{
    vat_load(context, SPACE_VATSTORE, key, value.body, value.slots);
    return true;
}

/* The vat is as its rows are: it reads them as it needs them. */
static void
page_rows(struct host *host, struct vat *vat, const struct vat_record *record)
{
    if (!record->settings.paged)
        vatstore_scan(kernel_state(host->kernel), record->id, SPACE_VATSTORE,
            (struct bytes){NULL, 0}, load_row, vat);
    host_page(host, record->id, &record->settings, vat);
}

struct vat *
host_open_next(struct host *host, uint64_t number)
{
    struct vat *vat = open_stored(host, vat_record_get(kernel_state(host->kernel), number));
    if (vat != NULL)
        page_rows(host, vat, vat_record_get(kernel_state(host->kernel), number));
    return vat;
}

/* By an image and a replay. *since: deliveries after the image, or all that there were. */

static struct vat *
bring_by_image(struct host *host, const struct vat_record *record, int64_t *since)
{
    int64_t position = 0;
    struct vat *vat = host_open_image(host, record, &position);
    if (vat == NULL)
        return NULL;
    *since = record->position - position;
    if (*since == 0) {
        page_rows(host, vat, record);
        return vat;
    }
    if (host_replay(host, vat, record, position))
        return vat;
    host_log_fallback(host, record->id, buf_string(&host->reason));
    return NULL;
}

static struct vat *
bring_by_transcript(struct host *host, const struct vat_record *record, int64_t *since)
{
    struct vat *vat = bring_by_image(host, record, since);
    if (vat != NULL)
        return vat;
    *since = record->position;
    vat = open_stored(host, record);
    return vat != NULL && host_replay(host, vat, record, -1) ? vat : NULL;
}

/* Without a transcript an image is all there can be; it must be of this very moment. */
static struct vat *
bring_untold(struct host *host, const struct vat_record *record, int64_t *since)
{
    int64_t position = 0;
    struct vat *vat = host_open_image(host, record, &position);
    *since = 0;
    if (vat != NULL && position == record->deliveries) {
        page_rows(host, vat, record);
        return vat;
    }
    vat_close(vat);
    buf_clear(&host->reason);
    buf_text(&host->reason, "its heap is lost: no image of it can be used");
    return NULL;
}

struct online *
host_bring(struct host *host, uint64_t number)
{
    struct online *online = host_find_online(host, number);
    if (online != NULL) {
        if (online != host->newest) {
            unlink_online(host, online);
            link_newest(host, online);
        }
        return online;
    }
    const struct vat_record *record = vat_record_get(kernel_state(host->kernel), number);
    int64_t since;
    if (record == NULL || record->state == VAT_TERMINATED) {
        buf_clear(&host->reason);
        buf_text(
            &host->reason, record == NULL ? "it is not in the database" : "it has been terminated");
        return NULL;
    }
    struct vat *vat = record->settings.transcript ? bring_by_transcript(host, record, &since)
                                                  : bring_untold(host, record, &since);
    if (vat == NULL)
        return NULL;
    online = host_keep_online(host, number, vat);
    online->since = since;
    return online;
}

struct vat *
host_vat(struct host *host, uint64_t vat)
{
    const struct online *online = host_bring(host, vat);
    host_make_room(host);
    return online == NULL ? NULL : online->vat;
}
