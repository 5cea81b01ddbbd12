/* What else holds a reference: pins, vats' retained parameters, the host's handles. A row counts
 * the holds of one kind by one holder; host rows are released when the database is opened next. */
#ifndef STATE_HOLD_H
#define STATE_HOLD_H

#include "state/state.h"
#include "state/table.h"

enum hold_kind { HOLD_PIN, HOLD_PARAMETERS, HOLD_HOST };

struct hold {
    struct row row;
    enum hold_kind kind;
    uint64_t vat; /* of HOLD_PARAMETERS, else 0 */
    struct kref kref;
    int64_t count;
};

/* The caller counts the reference itself. */
void hold_add(struct state *state, enum hold_kind kind, uint64_t vat, struct kref kref);
/* False when there is no such hold. */
bool hold_remove(struct state *state, enum hold_kind kind, uint64_t vat, struct kref kref);

struct hold_row {
    struct kref kref;
    int64_t count;
};
/* The rows of one kind and holder; the caller frees. */
struct hold_row *holds_of(struct state *state, enum hold_kind kind, uint64_t vat, size_t *count);

#endif
