/* Vats' durable tables as rows: loaded in bulk or read one by one, changed by the diffs of their
 * cranks. Only what changed since the last flush is in memory, with its value before the block. */
#ifndef STATE_VATSTORE_H
#define STATE_VATSTORE_H

#include "base/message.h"
#include "state/rows/row.h"
#include "state/state.h"

/* Applies one change of a crank. The bytes are copied. */
void vatstore_apply(struct state *state, uint64_t vat, const struct change *change);
/* The row as it is now, the open block's changes included; false when there is none. */
bool vatstore_get(struct state *state, uint64_t vat, enum change_space space, struct bytes key,
    struct buf *value, struct buf *slots);
/* Visits the rows in key order, from the first that is not less than from, while it wants more. */
void vatstore_scan(struct state *state, uint64_t vat, enum change_space space, struct bytes from,
    entry_visit *visit, void *context);
/* Deletes so many rows at the most; how many. */
size_t vatstore_delete_some(struct state *state, uint64_t vat, size_t most);

extern const struct row_type vatstore_type; /* for state.c */

#endif
