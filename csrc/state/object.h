/* Kernel objects: who owns each, and how many references keep it.
 *
 * recognizable counts importing c-lists, queue items, parked messages, settled promises' slots,
 * pins, parameters and host references; reachable the same less the importers whose flag is
 * clear. The owner's own c-list does not count. An owner that is no more marks an orphan of a
 * terminated vat, owner 0 an abandoned object. */
#ifndef STATE_OBJECT_H
#define STATE_OBJECT_H

#include "base/numbers.h"
#include "state/blob.h"
#include "state/rows/row.h"
#include "state/state.h"

/* Objects of the host: services, and what administers a vat. */
#define OWNER_HOST UINT64_MAX

struct clist_entry;

struct object {
    struct row row;
    uint64_t id;
    uint64_t owner;         /* vat, 0, or OWNER_HOST */
    struct blob *interface; /* its name */
    int64_t reachable;
    int64_t recognizable;
    bool revoked;
    bool root;                       /* of a living vat */
    uint64_t subject;                /* of the host's: the vat that it administers, or 0 */
    const struct clist_entry *first; /* every c-list entry of it */
};

const struct object *object_get(struct state *state, uint64_t id); /* NULL: there is none */
/* One that something refers to. When it is missing the database is damaged: that is the sticky
   error, and what comes back stands in until the crank is over. */
const struct object *object_need(struct state *state, uint64_t id);
struct object *object_create(struct state *state, uint64_t owner, struct bytes interface);
struct object *object_edit(struct state *state, const struct object *object);
void object_delete(struct state *state, const struct object *object);

/* Adds those of the database that nothing reaches and that are no root, ascending. */
void object_unreached(struct state *state, struct number_list *ids);
/* Whether the database has an object that administers the vat. */
bool object_administers(struct state *state, uint64_t vat);

extern const struct row_type object_type; /* for state.c */

#endif
