/* What the files of the host share. */
#ifndef HOST_INTERNAL_H
#define HOST_INTERNAL_H

#include "host/host.h"

struct host {
    struct kernel *kernel;
    struct host_options options;
    struct vat **vats; /* those in memory, by number; NULL elsewhere */
    size_t vat_count;
    int64_t cranks;     /* in the open block */
    double block_start; /* by the monotonic clock */
    struct log_entry *log;
    size_t log_count, log_capacity;
    struct buf reason; /* why a vat could not be brought back */
    bool clocked;      /* the time is what it was set to */
    double now;
};

bool host_crank_done(struct host *host);
void host_log_add(struct host *host, enum log_level level, uint64_t vat, struct bytes text);
void host_log_outcome(struct host *host, uint64_t vat, const struct outcome *outcome, bool kept);

/* cycles.c: true when it found some. */
bool host_look_for_cycles(struct host *host);

/* upgrade.c: what CRANK_UPGRADE asks for. */
void host_upgrade_crank(struct host *host, const struct crank *crank);

/* A bundle as the database has it; the modules borrow from the source. */
struct stored_bundle {
    uint8_t *source;
    struct vat_module *modules;
    size_t count;
};

/* page.c: from now on the vat fetches its durable rows as it reads them, and those of its vatstore
   when its settings say so. */
void host_page(
    struct host *host, uint64_t number, const struct vat_settings *settings, struct vat *vat);

/* online.c */
/* False with host->reason set. */
bool host_read_bundle(struct host *host, struct bytes sha256, struct stored_bundle *bundle);
void host_free_bundle(struct stored_bundle *bundle);
/* A new vat of the bundle that the record names, with the durable rows as they are; NULL with
   host->reason set. It is not in memory for deliveries yet. */
struct vat *host_open_next(struct host *host, uint64_t number);
/* The vat in memory, or brought back; NULL with host->reason set. */
struct vat *host_bring(struct host *host, uint64_t vat);
void host_keep_online(struct host *host, uint64_t number, struct vat *vat);
void host_forget(struct host *host, uint64_t vat);
struct vat *host_open_vat(struct host *host, uint64_t number, const struct vat_settings *settings,
    const struct vat_module *modules, size_t count);

#endif
