/* What else holds a reference: pins, vats' retained parameters, the host's handles. A row counts
 * the holds of one kind by one holder. The host's are of one opening of the database; those of an
 * opening before, whose process is gone, are released. */
#ifndef STATE_HOLD_H
#define STATE_HOLD_H

#include "base/list.h"
#include "state/rows/row.h"
#include "state/state.h"

enum hold_kind { HOLD_PIN, HOLD_PARAMETERS, HOLD_HOST };

#define HOLD_MOST (INT32_MAX - 1) /* a handle for each fits in memory */

struct hold {
    struct row row;
    enum hold_kind kind;
    uint64_t vat; /* of HOLD_PARAMETERS; of HOLD_HOST: the opening; else 0 */
    struct kref kref;
    int64_t count; /* 1 to HOLD_MOST */
};

/* The caller counts the reference itself. */
void hold_add(struct state *state, enum hold_kind kind, uint64_t vat, struct kref kref);
/* False when there is no such hold. */
bool hold_remove(struct state *state, enum hold_kind kind, uint64_t vat, struct kref kref);

struct hold_row {
    uint64_t opening;
    struct kref kref;
    int64_t count;
};

struct hold_rows LIST(struct hold_row);

/* Adds rows of the host's that are of an opening before this one, so many at the most. */
void hold_left_over(struct state *state, uint64_t opening, size_t most, struct hold_rows *rows);

extern const struct row_type hold_type; /* for state.c */

#endif
