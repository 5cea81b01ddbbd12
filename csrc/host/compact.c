#include "host/compact.h"

#include <assert.h>
#include <stdlib.h>

#include "host/bring.h"
#include "host/imaging.h"
#include "host/log.h"
#include "host/online.h"
#include "kernel/face/block.h"
#include "kernel/face/history.h"

#define BLOCK 100 /* vats that are compacted in one transaction */

/* Whether the vat's image brings it back; the log says why it does not. */
static bool
has_good_image(struct host *host, const struct vat_info *info)
{
    struct buf why = {0}, text = {0};
    struct online *online = bring_back(host, info->id, &why);
    if (online != NULL && online->since > 0)
        imaging_save(host, online);
    bool good = online != NULL && imaging_is_good(host, info);
    if (!good) {
        buf_format(&text, "its transcript stays: %s",
            online == NULL ? buf_string(&why) : "the image that was saved is not its heap");
        log_say(host, LOG_NOTICE, info->id, &text);
    }
    buf_free(&why);
    return good;
}

static void
compact_vat(struct host *host, uint64_t vat, struct host_compacted *done)
{
    struct vat_info info;
    if (!kernel_vat_info(host->kernel, vat, &info) || !has_good_image(host, &info)) {
        done->skipped++;
        return;
    }
    int64_t deliveries = kernel_prune(host->kernel, vat, info.position);
    done->deliveries += deliveries;
    done->vats += deliveries > 0;
}

bool
host_compact(struct host *host, struct host_compacted *done)
{
    assert(!kernel_in_crank(host->kernel));
    *done = (struct host_compacted){0};
    if (!host_commit(host))
        return false;
    struct number_list vats = {0};
    kernel_imaged_vats(host->kernel, &vats);
    for (size_t i = 0; i < vats.count; i++) {
        compact_vat(host, vats.items[i], done);
        online_make_room(host);
        if ((i + 1) % BLOCK == 0)
            host_commit(host);
    }
    list_free(&vats);
    return host_commit(host) && kernel_vacuum(host->kernel);
}
