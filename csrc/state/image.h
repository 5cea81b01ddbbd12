/* Images of vats' heaps, compressed: at most one for each vat, the latest. It is written in the
 * transaction of its block, so it never says more than the transcripts do. */
#ifndef STATE_IMAGE_H
#define STATE_IMAGE_H

#include "base/buf.h"
#include "state/state.h"

struct image {
    uint64_t vat;
    int64_t incarnation;
    int64_t position;   /* of the first delivery that it does not know */
    struct bytes build; /* of the vat layer, as text */
    uint64_t base;      /* the heap's address */
    int64_t length;     /* bytes before they were compressed */
    struct bytes hash;  /* of the compressed bytes, as text */
    struct bytes bytes;
};

/* Takes the place of the vat's image before. Outside of a crank, after state_flush: the vat's
   transcript must begin a new row at the position. */
void image_store(struct state *state, const struct image *image);
/* The vat's image; its texts and bytes lie in storage. False: there is none. */
bool image_load(struct state *state, uint64_t vat, struct image *image, struct buf *storage);
void image_delete(struct state *state, uint64_t vat);

#endif
