#include "kernel/face/history.h"

#include "state/image.h"
#include "state/state.h"
#include "state/transcript.h"
#include "state/vat_record.h"
#include "state/vatstore.h"

#include <assert.h>

/* Transcripts */

struct telling {
    history_each *each;
    void *context;
};

static bool
tell(void *context, int64_t position, const struct transcript_entry *entry)
{
    const struct telling *telling = context;
    const struct past_delivery past = {entry->delivery, entry->syscalls, entry->changes};
    return telling->each(telling->context, position, &past);
}

enum history_end
kernel_history(struct kernel *kernel, uint64_t vat, int64_t from, history_each *each, void *context)
{
    static const enum history_end ends[] = {
        [REPLAY_DONE] = HISTORY_DONE,
        [REPLAY_STOPPED] = HISTORY_STOPPED,
        [REPLAY_DAMAGED] = HISTORY_DAMAGED,
    };
    assert(from >= 0);
    struct state *state = kernel_state(kernel);
    struct telling telling = {each, context};
    int64_t incarnation = vat_record_get(state, vat)->incarnation;
    return ends[transcript_replay(state, vat, incarnation, from, tell, &telling)];
}

bool
kernel_walk_back(struct kernel *kernel, uint64_t vat, int64_t from,
    void (*each)(void *context, const struct change *change), void *context)
{
    assert(from >= 0);
    struct state *state = kernel_state(kernel);
    return transcript_walk_back(
        state, vat, vat_record_get(state, vat)->incarnation, from, each, context);
}

uint64_t
kernel_changes_hash(struct bytes changes)
{
    return transcript_hash(changes);
}

int64_t
kernel_prune(struct kernel *kernel, uint64_t vat, int64_t position)
{
    assert(!state_in_crank(kernel_state(kernel)));
    assert(position <= kernel_position(kernel, vat));
    return transcript_prune(kernel_state(kernel), vat, position);
}

/* Images */

int64_t
kernel_position(struct kernel *kernel, uint64_t vat)
{
    const struct vat_record *record = vat_record_get(kernel_state(kernel), vat);
    return record->settings.transcript ? record->position : record->deliveries;
}

void
kernel_store_image(struct kernel *kernel, uint64_t vat, struct stored_image *image)
{
    struct state *state = kernel_state(kernel);
    const struct vat_record *record = vat_record_get(state, vat);
    assert(!state_in_crank(state) || !record->settings.transcript);
    if (!state_in_crank(state))
        state_flush(state); /* so that its transcript begins a new row */
    assert(image->bytes.size > 0 && image->length > 0);
    image->position = kernel_position(kernel, vat);
    const struct image row = {
        .vat = vat,
        .incarnation = record->incarnation,
        .position = image->position,
        .build = image->build,
        .base = image->base,
        .length = image->length,
        .hash = image->hash,
        .bytes = image->bytes,
    };
    image_store(state, &row);
}

bool
kernel_load_image(
    struct kernel *kernel, uint64_t vat, struct stored_image *image, struct buf *storage)
{
    struct state *state = kernel_state(kernel);
    struct image row;
    if (!image_load(state, vat, &row, storage) ||
        row.incarnation != vat_record_get(state, vat)->incarnation)
        return false;
    *image = (struct stored_image){
        .position = row.position,
        .build = row.build,
        .base = row.base,
        .length = row.length,
        .hash = row.hash,
        .bytes = row.bytes,
    };
    return true;
}

void
kernel_imaged_vats(struct kernel *kernel, struct number_list *vats)
{
    vat_record_list(kernel_state(kernel), STATEMENT_VATS_WITH_IMAGES, vats);
}

/* Durable rows */

bool
kernel_row(struct kernel *kernel, uint64_t vat, enum change_space space, struct bytes key,
    struct buf *body, struct buf *slots)
{
    return vatstore_get(kernel_state(kernel), vat, space, key, body, slots);
}

void
kernel_rows(struct kernel *kernel, uint64_t vat, enum change_space space, struct bytes from,
    entry_visit *visit, void *context)
{
    vatstore_scan(kernel_state(kernel), vat, space, from, visit, context);
}
