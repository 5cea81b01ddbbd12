/* The host: joins a kernel with its vats, and decides when to commit.
 *
 * host_step runs one crank: the kernel picks, the vat delivers, the kernel applies. A vat is
 * brought back by its first delivery: from the image of its heap and the transcript since, or from
 * its bundle and the whole transcript. Knows no Lua of the embedding program, and no row of the
 * kernel's: what it must know, it asks (kernel/face).
 *
 * More of what a program calls is in launching.h, upgrading.h, modules.h (bundles), cycles.h,
 * compact.h and trim.h. Where a function takes "why", it appends there, as text for people, why
 * there is nothing to return; it appends nothing else. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "kernel/kernel.h"
#include "vat/vat.h"

struct host;

struct host_options {
    const char *path;
    enum db_mode mode;
    int64_t commit_every; /* cranks in a block, at least 1 */
    int64_t commit_ms;    /* longest time of a block; 0: off */
    int64_t vats_online;  /* vats kept in memory between cranks, at least 1 */
};

/* NULL with *error set, to be freed by the caller; errno is EWOULDBLOCK when another process has
   the database. */
struct host *host_open(const struct host_options *options, char **error);
/* Commits, unless the kernel stopped. NULL is legal. False when the commit failed. */
bool host_close(struct host *host);
struct kernel *host_kernel(struct host *host);

/* Seconds since 1970: of the system's clock, unless the host's program has one of its own. */
double host_now(const struct host *host);
void host_set_now(struct host *host, double now);

enum host_step { HOST_IDLE, HOST_DONE, HOST_STOPPED };
enum host_step host_step(struct host *host);
/* The program has done a crank by itself: the block may be full. False when the store failed. */
bool host_crank_done(struct host *host);
/* False when the store failed: see kernel_stopped. */
bool host_commit(struct host *host);

/* The log */

enum log_level { LOG_PRINT, LOG_UNDONE, LOG_FAULT, LOG_UNHANDLED, LOG_NOTICE };

/* One line of a vat's log, or of the host about it; told when its crank is done. */
struct log_entry {
    enum log_level level;
    uint64_t vat; /* 0: it is about none */
    uint64_t crank;
    char *text; /* owned by the list */
    size_t size;
};

/* What was logged since the last call; valid until the next step. */
const struct log_entry *host_log(struct host *host, size_t *count);
void host_log_clear(struct host *host);
void host_notice(struct host *host, struct bytes text); /* a line that no vat wrote */

/* Vats in memory */

/* The vat, brought back when it is not in memory; NULL when it cannot be. Not within a crank. */
struct vat *host_vat(struct host *host, uint64_t vat, struct buf *why);
/* Lets go of the heap of a vat that ended. */
void host_vat_ended(struct host *host, uint64_t vat);
/* How many there are, and the bytes of their heaps. */
void host_online(const struct host *host, size_t *count, uint64_t *bytes);

#endif
