/* The kernel: routes messages, settles promises, counts references. It knows no Lua and does no
 * I/O but its store. A host drives it:
 *
 *   crank_begin     picks one item; says which vat to deliver what to, or that it is done already
 *   crank_finish    applies the outcome, or undoes the crank and lets the vat's policy decide
 *
 * What else a host asks is in kernel/face, a header for each noun: block.h (commits), bundles.h,
 * launch.h, vats.h (vats, clusters, references), history.h (transcripts, images, durable rows),
 * settings.h, listing.h. look/audit.h and look/dump.h look at all state;
 * garbage/suspect.h is for the search for cycles across vats.
 *
 * A crank commits entirely or leaves no trace (state/rows/table.h). Nothing that happens in one
 * ends the host's loop but a store failure and the end of a critical vat; both are sticky. */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include "base/message.h"
#include "base/outcome.h"
#include "base/vat_settings.h"
#include "state/blob.h"
#include "store/mode.h"

struct kernel;
struct state;

/* NULL with *error set, to be freed by the caller. A reader can only be listed. */
struct kernel *kernel_open(const char *path, enum db_mode mode, char **error);
void kernel_close(struct kernel *kernel); /* drops what was not committed; NULL is legal */
/* Between cranks: gives back memory that it has needed and does not need now. */
void kernel_trim(struct kernel *kernel);
uint64_t kernel_memory(struct kernel *kernel); /* bytes that it holds, its state included */
struct state *kernel_state(struct kernel *kernel);
/* NULL, or why the kernel stopped for good: its store failed, or a critical vat ended. */
const char *kernel_stopped(const struct kernel *kernel);

/* Cranks */

struct crank {
    uint64_t vat;
    struct bytes delivery; /* borrowed until crank_finish */
    bool rebuild;          /* to a new heap, made from the vat's bundle and its durable rows */
};

enum crank_step {
    CRANK_IDLE,    /* nothing to do */
    CRANK_DONE,    /* one crank was done that needed no vat */
    CRANK_DELIVER, /* deliver, then call crank_finish or crank_cannot_load */
    CRANK_UPGRADE, /* deliver to the vat's next incarnation; see kernel_upgrade_finish */
    CRANK_STOPPED, /* see kernel_stopped */
};

/* now: seconds since 1970, which the delivery records. */
enum crank_step crank_begin(struct kernel *kernel, double now, struct crank *crank);
/* True: the delivery stands (vat_keep). False: it does not (vat_undo). */
bool crank_finish(struct kernel *kernel, const struct outcome *outcome);
/* The vat could not be brought back: it fails with this reason, and the item waits with it. */
void crank_cannot_load(struct kernel *kernel, const char *reason);
/* The heap of a vat without a transcript is gone: the crank is undone, and its next incarnation
   starts first. */
void crank_lost_heap(struct kernel *kernel);
/* Whether this vat still takes deliveries; its heap can be thrown away when not. */
bool kernel_vat_lives(struct kernel *kernel, uint64_t vat);

/* Vats. kernel_start_begin opens a crank; in it, each kernel_start_vat makes a vat and says what to
   deliver to it, and kernel_start_finish takes the outcome; kernel_start_end closes the crank, with
   everything or, when keep is false, nothing of it. */

struct vat_spec {
    struct bytes name;
    struct bytes bundle; /* sha256 as 64 hexadecimal digits */
    struct blob *parameters;
    struct vat_settings settings;
    uint64_t cluster;
};

void kernel_start_begin(struct kernel *kernel);
uint64_t kernel_new_cluster(struct kernel *kernel);
uint64_t kernel_start_vat(
    struct kernel *kernel, const struct vat_spec *spec, double now, struct crank *crank);
/* False with a reason, borrowed until the next call, when the vat did not start. */
bool kernel_start_finish(struct kernel *kernel, const struct outcome *outcome, const char **reason);
void kernel_start_end(struct kernel *kernel, bool keep);

/* Each is a crank of its own. False: the vat is terminated already, or not in that state. */
bool kernel_terminate_vat(struct kernel *kernel, uint64_t vat, const char *reason);
bool kernel_suspend_vat(struct kernel *kernel, uint64_t vat);
bool kernel_resume_vat(struct kernel *kernel, uint64_t vat);

/* Upgrades. bundle: its sha256, empty for the one that the vat has; parameters: NULL for those
   retained. As an item of the queue, with a promise for { incarnation = n } that the host holds;
   crank_begin then says CRANK_UPGRADE: deliver to a new vat of the bundle that the vat's record
   names now, with its durable rows as they are, and call kernel_upgrade_finish, which ends the
   crank. False: the vat goes on as it was. */
struct kref kernel_send_upgrade(
    struct kernel *kernel, uint64_t vat, struct bytes bundle, struct blob *parameters);
bool kernel_upgrade_finish(
    struct kernel *kernel, const struct outcome *outcome, const char **reason);
/* The same at once, as a crank between these two; without keep it is only tried. The reason is
   borrowed from the outcome or until the next crank. */
void kernel_upgrade_begin(struct kernel *kernel, uint64_t vat, struct bytes bundle,
    struct blob *parameters, double now, struct crank *crank);
bool kernel_upgrade_try(
    struct kernel *kernel, const struct outcome *outcome, bool keep, const char **reason);

/* Services */

/* The object that stands for a service, made when there is none yet. Not within a crank. */
struct kref kernel_service(struct kernel *kernel, const char *name);
/* A new object of the host, pinned: calls of it are shown as those of a service are. */
struct kref kernel_host_object(struct kernel *kernel, const char *interface);

/* A message to one of the host's objects. Everything is borrowed until it is answered. */
struct service_call {
    uint64_t seq;         /* names it, until it is answered */
    struct blob *service; /* the name of the service, or the object's interface */
    struct kref object;   /* that is called */
    uint64_t subject;     /* of a VatAdmin: its vat */
    uint64_t sender;      /* a vat, or 0 for the host */
    struct blob *method;
    struct blob *arguments;
    uint64_t crank, syscall; /* that made it: its effect id */
};

/* The next call that the host was not shown since the opening; false: there is none. */
bool kernel_next_call(struct kernel *kernel, struct service_call *call);
/* The cluster of the vat that made a call; 0: it has none. */
uint64_t kernel_call_cluster(struct kernel *kernel, uint64_t seq);
/* Settles a call's result, as a crank. False: it has been answered. */
bool kernel_answer(struct kernel *kernel, uint64_t seq, bool fulfilled, struct blob *value);
/* Answers with { root, admin } of a vat that is being started: before kernel_start_end. */
void kernel_answer_created(struct kernel *kernel, uint64_t seq, uint64_t vat);
/* The call is answered when the vat ends, as the vat ended; at once when it has. */
void kernel_answer_at_end(struct kernel *kernel, uint64_t seq, uint64_t vat);
/* The call becomes an upgrade; see kernel_send_upgrade. */
bool kernel_answer_by_upgrade(struct kernel *kernel, uint64_t seq, uint64_t vat,
    struct bytes bundle, struct blob *parameters);

/* References */

/* The root of a vat; none when there is no such vat. */
struct kref kernel_root(struct kernel *kernel, uint64_t vat);
bool kernel_exists(struct kernel *kernel, struct kref kref);
/* The host holds a reference until it is released. Not within a crank; a release then waits for
   the crank's end. */
void kernel_hold(struct kernel *kernel, struct kref kref);
void kernel_release(struct kernel *kernel, struct kref kref);
void kernel_pin(struct kernel *kernel, struct kref kref);
bool kernel_unpin(struct kernel *kernel, struct kref kref);  /* false: there is no pin */
bool kernel_revoke(struct kernel *kernel, struct kref kref); /* false: no object */

/* Queues a message; the host holds the promise for its result, which is returned. Everything in
   it must exist. */
struct kref kernel_send(
    struct kernel *kernel, struct kref target, struct bytes method, struct blob *arguments);

/* Garbage goes by itself; these are for who wants it to go now. */

/* Every vat that had deliveries since its last bring_out_your_dead gets one; how many. */
size_t kernel_reap_all(struct kernel *kernel);
/* How many objects have gone since the opening. */
uint64_t kernel_collected(const struct kernel *kernel);

/* Looking */

enum settled { SETTLED_NOT, SETTLED_FULFILLED, SETTLED_REJECTED };
/* What became of a promise; *value is borrowed until the next crank. */
enum settled kernel_outcome(struct kernel *kernel, struct kref promise, struct blob **value);

#endif
