/* One vat, as vat.c puts it together from what the rooms keep of it outside the arena. The machine
 * and the library do not know it.
 *
 * Three rules hold everywhere in this layer:
 * 1. Whatever a vat's Lua can reach, and whatever must be rolled back with it, lies in the arena.
 *    Pointers from the arena lead into the arena or into this shared object, never to malloc.
 * 2. While vat code runs, a timer tick or a refused allocation may leave it with a longjmp at any
 *    instruction. Code that touches memory outside the arena does so as machine/outside.h says.
 * 3. No error leaves this layer as a Lua error: every entry runs under lua_pcall. */
#ifndef VAT_INTERNAL_H
#define VAT_INTERNAL_H

#include "base/arena.h"
#include "base/list.h"
#include "value/marshal.h"
#include "vat/durable/scratch.h"
#include "vat/machine/machine.h"
#include "vat/vat.h"

/* The delivery that is open, or was last. */
struct delivery_run {
    struct arena arena; /* what it borrows and records, until the next one */
    struct delivery delivery;
    enum vat_mode mode;
    struct buf syscalls;
    struct buf changes;
    struct buf reason;
    struct vat_log LIST(struct vat_log_line) log;
    size_t print_count;      /* lines printed */
    size_t send_count;       /* for the limit of sends */
    struct bytes expected;   /* in replay: what the delivery reported when it was live */
    bool applies;            /* expected is applied, and not found again */
    bool failed;             /* start_vat: reason says why */
    bool exited;             /* vat.exit was called */
    uint64_t most;           /* bytes of heap that it may leave */
    struct vat_probe *probe; /* while one is under way */
    struct bytes interface;  /* of the root */
    struct marshal_out out;  /* the body in the making */
};

struct vat {
    struct machine machine;
    struct vat_modules LIST(struct vat_module) modules; /* owned copies */
    struct store *vatstore;
    struct store *durable;
    struct delivery_run run;
    struct durable_scratch scratch;
    bool open;   /* delivered, and neither kept nor undone */
    bool ran;    /* the heap differs from what undo_save remembers */
    bool rested; /* vat_trim was called, and nothing since */
};

/* vat.exit_with_failure: the delivery is over, and only its exit counts. */
#define FAULT_EXIT ((enum vat_fault)(VAT_FAULT_BROKEN + 1))

#endif
