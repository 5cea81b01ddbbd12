/* A vat is a function: one delivery in, one outcome out, both bytes.
 *
 * A vat's Lua heap lies in an arena of its own at a fixed address; its durable tables and what a
 * delivery records lie outside. After vat_deliver the caller decides: vat_keep makes the delivery
 * stand, vat_undo puts heap and tables back as they were, byte for byte. At most one vat of a
 * process has a delivery open. Nothing here writes a file or knows a kernel.
 *
 * All functions are for one thread. The layer is a shared object with a Lua of its own inside. */
#ifndef VAT_VAT_H
#define VAT_VAT_H

#include "base/message.h"
#include "base/outcome.h"

struct vat;

struct vat_options {
    uint64_t number;             /* of the vat: chooses its address range */
    double time_limit;           /* seconds of CPU time in a delivery; 0: none */
    uint64_t instruction_budget; /* Lua instructions in a delivery; 0: none */
    uint64_t memory_limit;       /* bytes of Lua heap */
};

/* One chunk of a bundle. The first of a list is the main chunk; its name shows in errors. The
   others are what require() finds. */
struct vat_module {
    struct bytes name;   /* "counter.lua" for the main chunk, "util" for require "util" */
    struct bytes source; /* Lua text */
};

/* Time and instruction limits are off while a vat replays; logs are not kept. */
enum vat_mode { VAT_LIVE, VAT_REPLAY };

/* NULL, with *reason set to a static text, when this process cannot host vats (the vat layer's
   base address is taken, the self-test of its Lua failed, no address range is free). Copies the
   modules. No vat code runs yet: the first delivery is start_vat. */
struct vat *vat_open(const struct vat_options *options, const struct vat_module *modules,
    size_t module_count, const char **reason);

/* The heap as bytes, appended: the same bytes for the same history. Nothing of the vat changes. No
   delivery is open. */
void vat_save(const struct vat *vat, struct buf *image);
/* As vat_open, but with the heap of an image: the options and modules must be those that the saved
   vat had. NULL also when the image is of another build of the vat layer, or its place in memory
   is taken. The image must be one that vat_save wrote: it holds addresses that are trusted. */
struct vat *vat_open_image(const struct vat_options *options, const struct vat_module *modules,
    size_t module_count, struct bytes image, const char **reason);
#define VAT_BUILD_SIZE 20
/* What tells this build of the vat layer from all others; lives as long as the process. */
struct bytes vat_build(void);
/* Where the heap lies: the place that an image of it needs. */
uint64_t vat_base(const struct vat *vat);

/* Puts a row into a durable table, before the first delivery. Copies. */
void vat_load(struct vat *vat, enum change_space space, struct bytes key, struct bytes body,
    struct bytes slots);

/* Where the rows of a durable table are fetched as they are read, instead of vat_load. get and scan
   are called while vat code runs: they do bounded work, and call nothing of this layer but visit.
   What they give is borrowed until the next call. */
struct vat_pager {
    void *context;
    struct entry_value (*get)(void *context, enum change_space space, struct bytes key);
    /* Visits the rows in key order, from the first that is not less than from, while visit says
       true. */
    void (*scan)(void *context, enum change_space space, struct bytes from, entry_visit *visit,
        void *visit_context);
    void (*rest)(void *context);  /* nothing that it gave is borrowed any more; may be NULL */
    void (*close)(void *context); /* the vat needs it no more; may be NULL */
};

/* From the next delivery on the table is paged; rows that were loaded, or set by a replay, must be
   those that the pager has. */
void vat_page(struct vat *vat, enum change_space space, const struct vat_pager *pager);

/* For the next delivery, in replay: what a bring_out_your_dead reported when it was live. That
   depends on the collector, so it is applied where it is not found again. Borrowed until then. */
void vat_expect(struct vat *vat, struct bytes syscalls);

void vat_deliver(
    struct vat *vat, struct bytes delivery, enum vat_mode mode, struct outcome *outcome);
void vat_keep(struct vat *vat);
void vat_undo(struct vat *vat); /* legal after a fault too, where it has nothing left to do */

/* What of these imports would live on if nobody reached these exports from outside? The heap is
   afterwards as it was before. False when it could not be found out. */
struct vat_probe {
    const struct vref *exports;
    size_t export_count;
    const struct vref *imports;
    size_t import_count;
    bool *alive; /* out: one for each import */
};
bool vat_probe(struct vat *vat, struct vat_probe *probe);

/* Gives back memory that the vat has needed and does not need now; what its last outcome borrows
   goes too. No vat has a delivery open. It does nothing to a vat that had no delivery since. */
void vat_trim(struct vat *vat);
void vat_trim_shared(void); /* what all vats use in turn */

/* Frees the vat and all its memory; NULL is legal. No vat code runs. */
void vat_close(struct vat *vat);

uint64_t vat_memory(const struct vat *vat);    /* bytes that it holds, but for durable rows */
uint64_t vat_heap_used(const struct vat *vat); /* bytes of pages that the heap has reached */
uint64_t vat_heap_live(const struct vat *vat); /* bytes that Lua holds; for specs */
uint64_t vat_heap_hash(const struct vat *vat); /* of every byte of the heap in use */

#endif
