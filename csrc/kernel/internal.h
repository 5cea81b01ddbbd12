/* What the files of the kernel layer share. */
#ifndef KERNEL_INTERNAL_H
#define KERNEL_INTERNAL_H

#include "base/cbor.h"
#include "base/numbers.h"
#include "kernel/kernel.h"
#include "kernel/krefs.h"
#include "state/clist.h"
#include "state/hold.h"
#include "state/image.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/queue.h"
#include "state/state.h"
#include "state/transcript.h"
#include "state/vat_record.h"
#include "state/vatstore.h"

struct waiting LIST(uint64_t); /* numbers, in the order of their turn */

/* gc.c: where to look for garbage. */
struct gc {
    struct gc_groups LIST(struct gc_group) groups; /* in order */
    struct number_list reaps;                      /* vats that are to bring out their dead */
    bool found;                                    /* the database was asked */
    uint64_t collecting;                           /* objects that go with this crank */
    uint64_t collected;                            /* objects gone since the opening */
};

/* What a crank is for: see crank.h. */
enum crank_cause {
    CAUSE_NONE,    /* no crank is open */
    CAUSE_MESSAGE, /* the queue's head */
    CAUSE_NOTIFY,  /* the same, a notify */
    CAUSE_UPGRADE, /* the same, an upgrade */
    CAUSE_REAP,    /* the vat of an upgrade, which is the queue's head, brings out its dead first */
    CAUSE_REBUILD, /* a vat without a transcript starts anew */
    CAUSE_CYCLE,   /* dead cycles of promises go */
    CAUSE_COLLECTOR, /* a delivery of the collector's */
    CAUSE_CLEAN_UP,  /* a part of what a vat had that ended goes */
    CAUSE_START,     /* the host launches vats */
    CAUSE_RENEWAL,   /* the host upgrades a vat at once */
    CAUSE_HOST,      /* the host sends, answers, pins, ends, ... */
    CAUSE_HANDLE,    /* the host takes or lets go of what it holds for its own use */
    CAUSE_LEFT_OVER, /* a part of what a host held that is gone goes */
};

struct kernel {
    struct state *state;
    char *stopped;
    /* the open crank */
    enum crank_cause cause;
    struct arena arena;
    struct buf delivery;
    struct buf reason; /* why the outcome was refused */
    struct gc gc;
    uint64_t vat; /* that it delivers to */
    enum delivery_kind kind;
    bool ended;                 /* a vat ended in it */
    uint64_t syscall;           /* the number of the one that is being applied */
    const struct syscall *exit; /* the vat asked to end; NULL: it did not */
    enum vat_fault fault;       /* of the delivery that ran last */
    uint64_t visit;             /* number of the last walk over promises */
    struct kref_list unheld;    /* lost a holder in this crank: are they free? */
    size_t joined;              /* of releases: those that go with this crank */
    /* between cranks */
    struct number_list endings; /* vats that ended and are to be cleaned up */
    struct waiting calls;       /* of the host's objects, by the items' numbers */
    struct kref_list suspects;  /* promises that may be in a dead cycle */
    bool suspect_all;           /* those in the database are still to be asked for */
    struct kref_list releases;  /* the host let go of these */
    bool left_over;             /* references of a host that is gone are still held */
    struct waiting rebuilds;    /* vats without a transcript that wait for their start */
};

/* refs.c: counted references of the kernel itself, which neither c-lists nor a vat hold. */
void refs_hold(struct kernel *kernel, struct kref kref);
void refs_drop(struct kernel *kernel, struct kref kref);
void refs_hold_slots(struct kernel *kernel, const struct blob *value);
void refs_drop_slots(struct kernel *kernel, const struct blob *value);
/* At a crank's end: what nobody holds any more goes. */
void refs_settle(struct kernel *kernel);

/* translate.c: the membrane. Every reference in or out of a vat passes here. */
struct vref translate_out(struct kernel *kernel, uint64_t vat, struct kref kref);
struct capdata translate_value_out(struct kernel *kernel, uint64_t vat, const struct blob *value);
/* None, with kernel->reason set, when the vat has no such reference and may not make it. */
struct kref translate_in(struct kernel *kernel, uint64_t vat, const struct slot *slot);
/* A new blob for the caller, or NULL with kernel->reason set. */
struct blob *translate_value_in(struct kernel *kernel, uint64_t vat, const struct capdata *value);
/* The vat's entry goes, with what it counted. */
void translate_retire(struct kernel *kernel, struct clist_entry *entry);

/* settle.c */
void settle(
    struct kernel *kernel, struct promise *promise, enum promise_state how, struct blob *value);
void settle_follow(struct kernel *kernel, struct promise *promise, struct promise *target);
/* The unresolved promise at the end of the chain that this one follows, or a settled one. */
struct promise *settle_end(struct kernel *kernel, struct promise *promise);
/* Rejects with an error of the kernel; incarnation is left out when negative. */
void settle_reject(struct kernel *kernel, struct promise *promise, const char *name,
    const char *message, int64_t incarnation);
/* Tells a vat of a settled promise. */
void settle_notify(struct kernel *kernel, struct promise *promise, uint64_t vat);

/* route.c: from the queue's head to a delivery. True: kernel->vat and kernel->delivery are set;
   false: the item is parked, splatted or dropped. */
bool route(struct kernel *kernel, struct queue_item *item, double now);
/* The message's result is rejected and the item consumed. */
void route_splat(
    struct kernel *kernel, struct queue_item *item, const char *name, const char *message);
void route_drop(struct kernel *kernel, struct queue_item *item);

/* syscall.c: false, with kernel->reason set, when the vat asks what it may not. */
bool syscalls_apply(struct kernel *kernel, const struct outcome *outcome);

/* gc.c */
void gc_free(struct kernel *kernel);
void gc_trim(struct kernel *kernel); /* its lists, when they are empty */
uint64_t gc_memory(const struct kernel *kernel);
/* An object whose reachable count is zero. */
void gc_unreached(struct kernel *kernel, struct object *object);
/* The vat has had one more delivery. */
void gc_delivered(struct kernel *kernel, struct vat_record *vat);
/* A cycle's member, which nothing outside the cycle reaches: its owner is to drop it. */
void gc_drop_cycle(struct kernel *kernel, uint64_t owner, struct kref kref);
/* The vat is to bring out its dead. */
void gc_reap(struct kernel *kernel, uint64_t vat);
/* The crank stands: the objects that went with it are counted. */
void gc_count(struct kernel *kernel);
/* Within a crank: the vat brings out its dead. */
void gc_begin_reap(struct kernel *kernel, struct vat_record *vat, double now);
bool gc_is_due(struct kernel *kernel);
/* Within a crank: true when there is something to deliver. */
bool gc_begin(struct kernel *kernel, double now);

/* cycle.c */
/* A promise that lost a holder. */
void cycle_suspect(struct kernel *kernel, struct promise *promise);
bool cycle_is_due(struct kernel *kernel, bool idle);
/* Within a crank: true when something went. */
bool cycle_collect(struct kernel *kernel);

/* life.c */
/* The vat starts anew from its durable tables: what its old heap held goes. */
void life_forget_heap(struct kernel *kernel, struct vat_record *vat);
void life_encode_start(struct kernel *kernel, struct vat_record *vat, double now);

/* end.c */
/* The vat ends, for this reason; well, with the values of its exit, or with a reason in value, or
   with a VatTerminated when that is NULL. */
void end_vat(struct kernel *kernel, struct vat_record *vat, const char *reason, bool well,
    struct blob *value);
/* Promises that the vat decides are rejected, so many at the most; how many. */
size_t end_reject_decided(struct kernel *kernel, struct vat_record *vat, const char *name,
    const char *message, size_t most);
/* One of the vat's references goes; abandon: an object that it owned is nobody's from now on. */
void end_give_up(
    struct kernel *kernel, struct vat_record *vat, struct clist_entry *entry, bool abandon);
void end_clean(struct kernel *kernel, struct vat_record *vat); /* one batch, in a crank */
/* The record goes when all is cleaned up and nothing administers the vat. NULL is legal. */
void end_forget(struct kernel *kernel, struct vat_record *vat);
void end_find(struct kernel *kernel); /* after opening */
/* The next vat that ended and is not cleaned up yet, or NULL. */
struct vat_record *end_next(struct kernel *kernel);

/* upgrade.c: in the crank that takes the item; true when there is a start to deliver. */
void upgrade_push(struct kernel *kernel, uint64_t vat, struct bytes bundle, struct blob *parameters,
    struct kref result);
bool upgrade_route(struct kernel *kernel, struct queue_item *item, double now);
/* What the start came to, applied; false with a reason. */
bool upgrade_apply(struct kernel *kernel, const struct outcome *outcome, const char **reason);

#endif
