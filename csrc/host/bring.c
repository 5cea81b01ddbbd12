#include "host/bring.h"

#include <assert.h>

#include "host/imaging.h"
#include "host/modules.h"
#include "host/online.h"
#include "host/page.h"
#include "host/replay.h"
#include "kernel/face/block.h"
#include "kernel/face/history.h"
#include "kernel/face/vats.h"

/* Opening */

struct vat_options
bring_options(uint64_t number, const struct vat_settings *settings)
{
    return (struct vat_options){
        .number = number,
        .time_limit = (double)settings->time_limit_us / 1e6,
        .instruction_budget = (uint64_t)settings->instruction_budget,
        .memory_limit = (uint64_t)settings->memory_limit,
    };
}

static struct vat *
open_vat(uint64_t number, const struct vat_settings *settings, const struct vat_module *modules,
    size_t count, struct buf *why)
{
    struct vat_options options = bring_options(number, settings);
    const char *reason = NULL;
    struct vat *vat = vat_open(&options, modules, count, &reason);
    if (vat == NULL)
        buf_text(why, reason);
    return vat;
}

struct vat *
bring_new(struct host *host, uint64_t number, const struct vat_settings *settings,
    const struct vat_module *modules, size_t count, struct buf *why)
{
    assert(count > 0);
    struct vat *vat = open_vat(number, settings, modules, count, why);
    if (vat != NULL)
        page_vat(host->kernel, number, settings, vat);
    return vat;
}

static struct vat *
open_stored(struct host *host, const struct vat_info *info, struct buf *why)
{
    struct stored_bundle bundle;
    if (!modules_read(host->kernel, info->bundle, &bundle, why))
        return NULL;
    struct vat *vat = open_vat(info->id, &info->settings, bundle.modules, bundle.count, why);
    modules_free(&bundle);
    return vat;
}

struct vat *
bring_next(struct host *host, uint64_t number, struct buf *why)
{
    struct vat_info info = {0};
    kernel_vat_info(host->kernel, number, &info);
    assert(info.id == number && kernel_in_crank(host->kernel));
    struct vat *vat = open_stored(host, &info, why);
    if (vat != NULL)
        page_as_now(host->kernel, &info, vat);
    return vat;
}

/* By an image and a replay. *since: deliveries after the image, or all that there were. */

/* NULL: there is no image that can be used, and unused says why unless there is none at all. */
static struct vat *
by_image(struct host *host, const struct vat_info *info, int64_t *since, struct buf *unused)
{
    int64_t position = 0;
    struct vat *vat = imaging_open(host, info, &position, unused);
    if (vat == NULL)
        return NULL;
    assert(position >= 0 && position <= info->position);
    *since = info->position - position;
    if (*since == 0) {
        assert(position == kernel_position(host->kernel, info->id));
        page_as_now(host->kernel, info, vat);
        return vat;
    }
    struct buf why = {0};
    if (replay_vat(host->kernel, info, vat, position, NULL, &why))
        return vat;
    imaging_not_used(host, info->id, buf_string(&why), unused);
    buf_free(&why);
    return NULL;
}

static struct vat *
by_transcript(struct host *host, const struct vat_info *info, int64_t *since, struct buf *why)
{
    struct buf unused = {0};
    struct vat *vat = by_image(host, info, since, &unused);
    if (vat == NULL) {
        *since = info->position;
        vat = open_stored(host, info, why);
        if (vat != NULL && !replay_vat(host->kernel, info, vat, -1, &unused, why))
            vat = NULL;
    }
    buf_free(&unused);
    return vat;
}

/* Without a transcript an image is all there can be; it must be of this very moment. */
static struct vat *
by_image_alone(struct host *host, const struct vat_info *info, struct buf *why)
{
    int64_t position = 0;
    struct buf unused = {0};
    struct vat *vat = imaging_open(host, info, &position, &unused);
    buf_free(&unused);
    if (vat != NULL && position == info->deliveries) {
        page_as_now(host->kernel, info, vat);
        return vat;
    }
    vat_close(vat);
    buf_text(why, "its heap is lost: no image of it can be used");
    return NULL;
}

struct online *
bring_back(struct host *host, uint64_t number, struct buf *why)
{
    struct online *online = online_use(host, number);
    if (online != NULL)
        return online;
    struct vat_info info;
    bool exists = kernel_vat_info(host->kernel, number, &info);
    if (!exists || info.state == VAT_TERMINATED) {
        buf_text(why, exists ? "it has been terminated" : "it is not in the database");
        return NULL;
    }
    int64_t since = 0;
    struct vat *vat = info.settings.transcript ? by_transcript(host, &info, &since, why)
                                               : by_image_alone(host, &info, why);
    if (vat == NULL)
        return NULL;
    online = online_keep(host, number, vat);
    online->since = since;
    return online;
}

struct vat *
host_vat(struct host *host, uint64_t vat, struct buf *why)
{
    assert(!kernel_in_crank(host->kernel));
    const struct online *online = bring_back(host, vat, why);
    online_make_room(host);
    return online == NULL ? NULL : online->vat;
}
