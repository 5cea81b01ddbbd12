/* The host: joins a kernel with its vats, and decides when to commit.
 *
 * host_step runs one crank: the kernel picks, the vat delivers, the kernel applies. A vat is
 * brought back by its first delivery: from the image of its heap and the transcript since, or from
 * its bundle and the whole transcript. Knows no Lua of the embedding program; see lkernel.c for
 * that side. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "kernel/kernel.h"
#include "vat/vat.h"

struct host;

enum log_level { LOG_PRINT, LOG_UNDONE, LOG_FAULT, LOG_UNHANDLED, LOG_NOTICE };

/* One line of a vat's log, or of the host about it; told when its crank is done. */
struct log_entry {
    enum log_level level;
    uint64_t vat;
    uint64_t crank;
    char *text; /* owned by the list */
    size_t size;
};

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
/* False when the store failed: see kernel_stopped. */
bool host_commit(struct host *host);

/* What was logged since the last call; valid until the next step. */
const struct log_entry *host_log(struct host *host, size_t *count);
void host_log_clear(struct host *host);

struct vat_plan {
    const char *name;
    const struct vat_module *modules;
    size_t module_count;
    struct blob *parameters;
    struct vat_settings settings;
    uint64_t cluster; /* that it joins; 0: none, or the one that is made */
    uint64_t call;    /* of vat_admin that asked for it, and is answered with it; 0: none */
    uint64_t vat;     /* out: its number */
};

/* Starts vats together, as one crank: all, or none and *error set, to be freed by the caller. The
   caller says host_crank_done, when it has added what belongs to it. cluster: NULL for none of its
   own; else where its number goes. */
bool host_launch(struct host *host, struct vat_plan *plans, size_t count, uint64_t *cluster,
    const char *bootstrap, char **error);

/* Stores a bundle and gives its hash as 64 hexadecimal digits. With a name, the name stands for it
   from now on. */
#define SHA256_TEXT 65
void host_install_bundle(struct host *host, const struct vat_module *modules, size_t count,
    const char *name, char sha256[SHA256_TEXT]);
/* Upgrades a vat at once, with the parameters retained and the bundle of this hash, or its own when
   that is empty. False: nothing changed, and host_reason says why. Without keep it is only
   tried. */
bool host_upgrade_now(struct host *host, uint64_t vat, struct bytes bundle, bool keep);
const char *host_reason(struct host *host); /* until the next call */

/* The vat in memory, brought back when it is not; NULL when it cannot be, and host_reason says why.
   Not within a crank. */
struct vat *host_vat(struct host *host, uint64_t vat);
/* Lets go of the heap of a vat that ended. */
void host_vat_ended(struct host *host, uint64_t vat);
/* Finds objects that hold each other across vats and that nothing else holds, among at most so many
   suspects, and has them dropped by the next cranks; how many. Not within a crank. */
size_t host_collect_cycles(struct host *host, size_t most);
/* Deletes the transcripts that images make needless, and gives the space back. False when the
   store failed. */
struct host_compacted {
    size_t vats;        /* whose transcripts became shorter */
    size_t skipped;     /* that could not be brought back */
    int64_t deliveries; /* that are gone */
};
bool host_compact(struct host *host, struct host_compacted *done);
/* The vats in memory: how many, and the bytes of their heaps. */
void host_online(const struct host *host, size_t *count, uint64_t *bytes);

/* Gives back memory that kernel and vats have needed and do not need now. Not within a crank.
   Nothing that anybody can see changes by it. host_step does it by itself, when there is nothing
   else to do and much was done since. */
void host_trim(struct host *host);
uint64_t host_memory(const struct host *host); /* bytes that kernel and vats hold */

#endif
