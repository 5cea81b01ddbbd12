/* C-lists: for each vat, which vref stands for which kref. A vat's only authority.
 *
 * An entry is found by (vat, vref), and from its object's or promise's row. All entries of a kref
 * are in memory exactly when its row is, so a lookup by kref never asks the database. */
#ifndef STATE_CLIST_H
#define STATE_CLIST_H

#include "base/list.h"
#include "state/rows/row.h"
#include "state/state.h"

struct clist_entry {
    struct row row;
    uint64_t vat;
    struct vref vref;
    struct kref kref;
    bool reachable;
    const struct clist_entry *next, *prev; /* of the same kref */
};

/* NULL: the vat has no such reference. */
const struct clist_entry *clist_by_vref(struct state *state, uint64_t vat, struct vref vref);
const struct clist_entry *clist_by_kref(struct state *state, uint64_t vat, struct kref kref);
/* The first entry of a kref, whose vats come in no order; follow entry->next. */
const struct clist_entry *clist_first(struct state *state, struct kref kref);

const struct clist_entry *clist_add(
    struct state *state, uint64_t vat, struct vref vref, struct kref kref);
void clist_set_reachable(struct state *state, const struct clist_entry *entry, bool reachable);
void clist_remove(struct state *state, const struct clist_entry *entry);

/* For object.c and promise.c: loads the entries of a kref whose row, with its chain, was just
   adopted. */
void clist_load(struct state *state, struct kref kref, const struct clist_entry **chain);

struct vref_list LIST(struct vref);

/* A vat's vrefs, so many at the most, exports first, by number; the list is empty before. */
void clist_vrefs(struct state *state, uint64_t vat, size_t most, struct vref_list *vrefs);

/* One import of an object that imports of running vats, and nothing else, reach. */
struct clist_import {
    struct kref kref;
    uint64_t owner, vat;
    struct vref export, vref; /* the owner's and the vat's */
};

/* Calls each for every import of the first so many such objects that the database has, by object
   and vat; an object whose owner does not run, or keeps it under a durable vref, is none. */
void clist_only_imported(struct state *state, size_t most,
    void (*each)(void *context, const struct clist_import *import), void *context);

extern const struct row_type clist_type; /* for state.c */

#endif
