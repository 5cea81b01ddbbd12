/* What the files of the host share. */
#ifndef HOST_INTERNAL_H
#define HOST_INTERNAL_H

#include "host/host.h"

/* A vat in memory. */
struct online {
    struct online *newer, *older; /* by their last use */
    struct vat *vat;
    uint64_t number;
    int64_t interval; /* deliveries from image to image; 0: none is saved at counts */
    int64_t since;    /* deliveries that its image, if any, does not know */
    bool is_due;      /* an image of it is saved with this block */
};

struct ZSTD_CCtx_s;

struct host {
    struct kernel *kernel;
    struct host_options options;
    struct online **vats; /* by number; NULL: not in memory */
    size_t vat_count;     /* places in vats */
    struct online *newest, *oldest;
    size_t online_count;
    uint64_t *due; /* vats whose images are due */
    size_t due_count, due_capacity;
    struct ZSTD_CCtx_s *compressor; /* NULL until it is needed */
    int64_t cranks;                 /* in the open block */
    double block_start;             /* by the monotonic clock */
    struct log_entry *log;
    size_t log_count, log_capacity;
    struct buf reason;   /* why a vat could not be brought back */
    struct buf unused;   /* why the image that was looked at last is not used; empty: none was */
    uint64_t trimmed_at; /* the crank after which memory was given back */
    bool clocked;        /* the time is what it was set to */
    double now;
};

bool host_crank_done(struct host *host);
void host_log_add(struct host *host, enum log_level level, uint64_t vat, struct bytes text);
void host_log_outcome(struct host *host, uint64_t vat, const struct outcome *outcome, bool kept);

/* trim.c: there is nothing to do. */
void host_rest(struct host *host);

/* cycles.c: true when it found some. */
bool host_look_for_cycles(struct host *host);

/* launch.c: a bundle's name, which is the hash of its bytes, as 64 hexadecimal digits. */
void host_name_bundle(struct bytes source, char sha256[SHA256_TEXT]);

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
/* The vat in memory, or brought back; NULL with host->reason set. Within a crank too: the limit of
   vats in memory is looked after between cranks, by host_make_room. */
struct online *host_bring(struct host *host, uint64_t vat);
struct online *host_keep_online(struct host *host, uint64_t number, struct vat *vat);
struct online *host_find_online(const struct host *host, uint64_t number); /* NULL: not there */
void host_forget(struct host *host, uint64_t vat);
/* Pages out the vats used longest ago, while there are more than vats_online. Not in a crank. */
void host_make_room(struct host *host);
/* Pages out a vat whose heap lies there; false: there is none. */
bool host_clear_range(struct host *host, uint64_t base);
struct vat_options host_vat_options(uint64_t number, const struct vat_settings *settings);
struct vat *host_open_vat(struct host *host, uint64_t number, const struct vat_settings *settings,
    const struct vat_module *modules, size_t count);

/* replay.c: delivers the vat's transcript from the position of an image, or from the incarnation's
   beginning when it is negative, and leaves its durable tables paged. False with host->reason set;
   the vat is closed then. */
bool host_replay(struct host *host, struct vat *vat, const struct vat_record *record, int64_t from);

/* image.c */
/* A delivery to the vat was kept; its image may be due now. */
void host_count_delivery(struct host *host, struct online *online);
void host_save_due(struct host *host); /* before a commit */
/* Not in a crank, unless the vat keeps no transcript. */
void host_save_image(struct host *host, struct online *online);
/* A vat with the heap of its stored image, if it has one that can be used, and the position from
   which to replay; no rows of durable tables yet. NULL: there is none, and the log says why. */
struct vat *host_open_image(struct host *host, const struct vat_record *record, int64_t *position);
/* Whether the stored image is the heap that is in memory. */
bool host_check_image(struct host *host, const struct vat_record *record);
void host_log_fallback(struct host *host, uint64_t vat, const char *reason);

#endif
