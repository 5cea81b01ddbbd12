#include "host/online.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "host/imaging.h"
#include "kernel/face/block.h"
#include "kernel/face/vats.h"

#define WORTH_SAVING 50 /* deliveries whose replay costs more than an image, when paged out */

/* The list */

struct online *
online_find(const struct host *host, uint64_t number)
{
    return number < host->vat_count ? host->vats[number] : NULL;
}

static void
unlink_online(struct host *host, struct online *online)
{
    assert((online->newer == NULL ? host->newest : online->newer->older) == online);
    assert((online->older == NULL ? host->oldest : online->older->newer) == online);
    *(online->newer == NULL ? &host->newest : &online->newer->older) = online->older;
    *(online->older == NULL ? &host->oldest : &online->older->newer) = online->newer;
}

static void
link_newest(struct host *host, struct online *online)
{
    assert((host->newest == NULL) == (host->oldest == NULL));
    online->newer = NULL;
    online->older = host->newest;
    *(host->newest == NULL ? &host->oldest : &host->newest->newer) = online;
    host->newest = online;
}

struct online *
online_use(struct host *host, uint64_t number)
{
    struct online *online = online_find(host, number);
    assert(online == NULL || online->number == number);
    if (online != NULL && online != host->newest) {
        unlink_online(host, online);
        link_newest(host, online);
    }
    return online;
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
online_keep(struct host *host, uint64_t number, struct vat *vat)
{
    struct vat_info info = {0};
    assert(number > 0 && online_find(host, number) == NULL);
    make_place(host, number);
    struct online *online = memory_zero(sizeof *online);
    kernel_vat_info(host->kernel, number, &info);
    assert(info.id == number && info.state != VAT_TERMINATED);
    online->number = number;
    online->vat = vat;
    online->since = 1; /* its start */
    online->interval = info.settings.transcript ? info.settings.snapshot_interval : 0;
    host->vats[number] = online;
    host->online_count++;
    link_newest(host, online);
    return online;
}

void
online_forget(struct host *host, uint64_t number)
{
    struct online *online = online_find(host, number);
    if (online == NULL)
        return;
    assert(online->number == number && host->online_count > 0);
    unlink_online(host, online);
    host->vats[number] = NULL;
    host->online_count--;
    assert((host->online_count == 0) == (host->newest == NULL));
    vat_close(online->vat);
    free(online);
}

void
host_vat_ended(struct host *host, uint64_t number)
{
    online_forget(host, number);
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
    assert(!between_cranks || !kernel_in_crank(host->kernel));
    struct vat_info info;
    bool lives = kernel_vat_info(host->kernel, online->number, &info);
    bool must = lives && !info.settings.transcript && online->since > 0;
    bool pays = online->interval > 0 && online->since >= WORTH_SAVING && between_cranks;
    if (must || pays)
        imaging_save(host, online);
    online_forget(host, online->number);
}

void
online_make_room(struct host *host)
{
    assert(!kernel_in_crank(host->kernel));
    while (host->online_count > (size_t)host->options.vats_online)
        page_out(host, host->oldest, true);
    assert((host->online_count == 0) == (host->oldest == NULL));
}

bool
online_clear_range(struct host *host, uint64_t base)
{
    for (struct online *online = host->newest; online != NULL; online = online->older) {
        if (vat_base(online->vat) == base) {
            page_out(host, online, false);
            return true;
        }
    }
    return false;
}
