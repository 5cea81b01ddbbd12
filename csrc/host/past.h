/* A vat's durable rows as they were at an earlier position of its transcript, for a replay from
 * there: today's rows, but for the keys that changed since. */
#ifndef HOST_PAST_H
#define HOST_PAST_H

#include "kernel/kernel.h"
#include "vat/vat.h"

struct past;

/* As they were in the vat's incarnation of now. NULL: the transcript is damaged. Nothing of the vat
   changes while it is in use. */
struct past *past_open(struct kernel *kernel, uint64_t vat, int64_t position);
void past_close(struct past *past); /* NULL is legal */
/* Gives a vat that has no rows yet those of the past: all of its vatstore's, unless that is paged;
   the others are fetched as it reads them, until vat_page is called again. */
void past_page(struct past *past, struct vat *vat, bool paged);
/* The replay has come through a delivery that made these changes. */
void past_apply(struct past *past, struct bytes changes);

#endif
