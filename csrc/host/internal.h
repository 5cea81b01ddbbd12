/* What the files of the host share: the vats in memory, and the host itself. */
#ifndef HOST_INTERNAL_H
#define HOST_INTERNAL_H

#include "base/list.h"
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

struct due_list LIST(uint64_t);
struct log_list LIST(struct log_entry);

struct ZSTD_CCtx_s;

struct host {
    struct kernel *kernel;
    struct host_options options;
    struct online **vats; /* by number; NULL: not in memory */
    size_t vat_count;     /* places in vats */
    struct online *newest, *oldest;
    size_t online_count;
    struct due_list due;            /* vats whose images are due */
    struct ZSTD_CCtx_s *compressor; /* NULL until it is needed */
    int64_t cranks;                 /* in the open block */
    double block_start;             /* by clock_since_start */
    struct log_list log;
    uint64_t trimmed_at; /* the crank after which memory was given back */
    bool clocked;        /* the time is what it was set to */
    double now;
};

#endif
