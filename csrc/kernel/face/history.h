/* A vat's past and its durable rows: what the host brings a heap back with.
 *
 * A vat's deliveries have positions in its transcript, counted through all incarnations; without a
 * transcript an image's position counts all deliveries. Everything here is of the vat's incarnation
 * of now. Nothing of the vat changes while it is read. */
#ifndef KERNEL_FACE_HISTORY_H
#define KERNEL_FACE_HISTORY_H

#include "base/numbers.h"
#include "kernel/kernel.h"

/* Transcripts */

struct past_delivery {
    struct bytes delivery;
    struct bytes syscalls;
    uint64_t changes; /* kernel_changes_hash of what it did to durable tables */
};

/* Takes a delivery, borrowed for the call; false stops. */
typedef bool history_each(void *context, int64_t position, const struct past_delivery *past);

enum history_end { HISTORY_DONE, HISTORY_STOPPED, HISTORY_DAMAGED };
/* Calls each for every delivery from this position on, in order. A row of the transcript must begin
   there, or the position is 0: from the beginning. */
enum history_end kernel_history(
    struct kernel *kernel, uint64_t vat, int64_t from, history_each *each, void *context);
/* Calls each for every durable key that these deliveries have changed, newest first, with the value
   from before. False when the transcript is damaged. */
bool kernel_walk_back(struct kernel *kernel, uint64_t vat, int64_t from,
    void (*each)(void *context, const struct change *change), void *context);
uint64_t kernel_changes_hash(struct bytes changes);
/* Deletes the deliveries before this position, of earlier incarnations too; how many. Not within a
   crank. */
int64_t kernel_prune(struct kernel *kernel, uint64_t vat, int64_t position);

/* Images of heaps: at most one of each vat */

struct stored_image {
    int64_t position;   /* of the first delivery that it does not know */
    struct bytes build; /* of the vat layer, as text */
    uint64_t base;      /* the heap's address */
    int64_t length;     /* bytes before they were compressed */
    struct bytes hash;  /* of the compressed bytes, as text */
    struct bytes bytes;
};

/* Where a vat is that has had all its deliveries: the position that an image of it has. */
int64_t kernel_position(struct kernel *kernel, uint64_t vat);
/* Stores the image of a vat at rest, in place of the one before, with this block; its position is
   set. Within a crank only of a vat without a transcript. */
void kernel_store_image(struct kernel *kernel, uint64_t vat, struct stored_image *image);
/* Its texts and bytes lie in storage. False: there is none. */
bool kernel_load_image(
    struct kernel *kernel, uint64_t vat, struct stored_image *image, struct buf *storage);
/* Adds living vats that keep a transcript and images, ascending. */
void kernel_imaged_vats(struct kernel *kernel, struct number_list *vats);

/* Durable rows, as they are now, the open block's changes included */

/* False: there is no such row. */
bool kernel_row(struct kernel *kernel, uint64_t vat, enum change_space space, struct bytes key,
    struct buf *body, struct buf *slots);
/* In key order, from the first that is not less than from. */
void kernel_rows(struct kernel *kernel, uint64_t vat, enum change_space space, struct bytes from,
    entry_visit *visit, void *context);

#endif
