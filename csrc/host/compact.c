/* Compacting: where an image can bring a vat back, the transcript before it is not needed for that,
 * and goes. Then only the build of the vat layer that saved the image can bring the vat back. */
#include "host/internal.h"
#include "state/transcript.h"

#include <stdlib.h>

#define BLOCK 100 /* vats that are compacted in one transaction */

/* Up to which position an image was found to be good; negative: there is none, and the log says
   why. */
static int64_t
good_image(struct host *host, const struct vat_record *record)
{
    struct online *online = host_bring(host, record->id);
    if (online != NULL && online->since > 0)
        host_save_image(host, online);
    if (online != NULL && host_check_image(host, record))
        return record->position;
    struct buf text = {0};
    buf_format(&text, "its transcript stays: %s",
        online == NULL ? host_reason(host) : "the image that was saved is not its heap");
    host_log_add(host, LOG_NOTICE, record->id, buf_view(&text));
    buf_free(&text);
    return -1;
}

static void
compact_vat(struct host *host, uint64_t vat, struct host_compacted *done)
{
    struct state *state = kernel_state(host->kernel);
    const struct vat_record *record = vat_record_get(state, vat);
    int64_t position = good_image(host, record);
    if (position < 0) {
        done->skipped++;
        return;
    }
    int64_t deliveries = transcript_prune(state, vat, position);
    done->deliveries += deliveries;
    done->vats += deliveries > 0;
}

bool
host_compact(struct host *host, struct host_compacted *done)
{
    *done = (struct host_compacted){0};
    if (!host_commit(host))
        return false;
    size_t count;
    uint64_t *vats = vat_record_with_images(kernel_state(host->kernel), &count);
    for (size_t i = 0; i < count; i++) {
        compact_vat(host, vats[i], done);
        host_make_room(host);
        if ((i + 1) % BLOCK == 0)
            host_commit(host);
    }
    free(vats);
    return host_commit(host) && db_vacuum(state_db(kernel_state(host->kernel)));
}
