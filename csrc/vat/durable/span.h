/* What a paged store knows without asking: the keys from low to high, both included, of which all
 * rows are in memory. */
#ifndef VAT_DURABLE_SPAN_H
#define VAT_DURABLE_SPAN_H

#include "base/buf.h"

/* Zeroed, it knows nothing. */
struct span {
    bool known;
    bool to_end; /* there is no key above high */
    struct buf low, high;
    size_t batch; /* rows to fetch at once, more each time that reading goes on */
};

/* Before rows are fetched from the key on: behind the span it grows, elsewhere it begins anew. */
void span_begin(struct span *span, struct bytes from, bool goes_on);
/* They have been fetched, up to this key; or to the end. */
void span_reach(struct span *span, struct bytes last, bool to_end);
bool span_has(const struct span *span, struct bytes key);
/* Whether the key is the first one above the span, and rows may follow there. */
bool span_is_behind(const struct span *span, struct bytes key);
void span_forget(struct span *span); /* rows are no longer in memory */
void span_free(struct span *span);

#endif
