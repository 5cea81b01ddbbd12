/* The records of vats: what each was made from, its options, its life. */
#ifndef STATE_VAT_RECORD_H
#define STATE_VAT_RECORD_H

#include "base/numbers.h"
#include "base/vat_settings.h"
#include "state/blob.h"
#include "state/rows/row.h"
#include "state/state.h"

struct queue_item;

struct vat_record {
    struct row row;
    uint64_t id;
    uint64_t cluster; /* 0: made by the host */
    struct blob *name;
    struct blob *bundle;     /* sha256 as 64 hexadecimal digits */
    struct blob *parameters; /* capdata */
    struct vat_settings settings;
    bool ended_well; /* terminated by its own exit, whose values parameters are now */
    bool cleaned;    /* nothing of it is left but this record */
    bool renewed;    /* bundle or parameters are others than when the row was made */
    enum vat_state state;
    int64_t incarnation;
    int64_t deliveries;                 /* ever */
    int64_t since_reap;                 /* deliveries since it brought out its dead */
    int64_t position;                   /* of the next delivery in the transcript */
    struct blob *fault;                 /* the last one, as text; NULL: none */
    uint64_t next_object, next_promise; /* the next import's number */
    uint64_t object_mark, promise_mark; /* exports above these numbers are new */
    const struct queue_item *parked_first, *parked_last;
};

const struct vat_record *vat_record_get(struct state *state, uint64_t id); /* NULL: there is none */
struct vat_record *vat_record_create(struct state *state, struct bytes name);
struct vat_record *vat_record_edit(struct state *state, const struct vat_record *vat);
/* All of the row is to be written: a flush may have written what an undo took back. */
void vat_record_write_all(struct state *state, const struct vat_record *vat);
void vat_record_delete(struct state *state, const struct vat_record *vat);
void vat_record_set_fault(struct state *state, const struct vat_record *vat, const char *text);

/* The living vat of this name: its id; 0 when there is none, VAT_AMBIGUOUS when there are more.
   cluster 0 asks in all. Outside of a crank. */
#define VAT_AMBIGUOUS UINT64_MAX
uint64_t vat_record_by_name(struct state *state, struct bytes name, uint64_t cluster);
/* Adds vats of the database, ascending: one of the statements VATS_TO_REBUILD to VATS_ENDING. */
void vat_record_list(struct state *state, enum statement statement, struct number_list *ids);

extern const struct row_type vat_record_type; /* for state.c */

#endif
