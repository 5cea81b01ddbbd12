#include "vat/machine/dirty.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than Debian 12's headers. */
#define USER_MODE_ONLY 1
#define FEATURE_WP_UNPOPULATED (1u << 13)
#define FEATURE_WP_ASYNC (1u << 15)
#define PAGE_WRITTEN (1u << 1)
#define SCAN_PROTECT (1u << 0)
#define SCAN_CHECK_ASYNC (1u << 1)
#define REGION_MAX 256
#define PAGE 4096u

struct region {
    uint64_t start, end, categories;
};

struct scan {
    uint64_t size, flags;
    uint64_t start, end, walk_end;
    uint64_t regions, region_count, page_max;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN _IOWR('f', 16, struct scan)

static int faults = -1, pagemap = -1;
static bool tried;

/* They speak of the parent's memory, not of the child's, where nothing is watched any more. */
static void
forget_files(void)
{
    if (faults >= 0) {
        close(faults);
        close(pagemap);
    }
    faults = pagemap = -1;
    tried = false;
}

static bool
open_files(void)
{
    static bool prepared;
    if (!prepared) {
        pthread_atfork(NULL, NULL, forget_files);
        prepared = true;
    }
    if (!tried) {
        tried = true;
        int file = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | USER_MODE_ONLY);
        struct uffdio_api api = {
            .api = UFFD_API, .features = FEATURE_WP_UNPOPULATED | FEATURE_WP_ASYNC};
        if (file >= 0 && ioctl(file, UFFDIO_API, &api) == 0)
            pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
        if (pagemap >= 0)
            faults = file;
        else if (file >= 0)
            close(file);
    }
    return faults >= 0;
}

bool
dirty_watch(uint8_t *range, size_t size)
{
    assert((uintptr_t)range % PAGE == 0 && size % PAGE == 0);
    if (!open_files())
        return false;
    struct uffdio_register request = {
        .range = {(uintptr_t)range, size}, .mode = UFFDIO_REGISTER_MODE_WP};
    return ioctl(faults, UFFDIO_REGISTER, &request) == 0;
}

void
dirty_all(uint8_t *range, size_t size)
{
    struct uffdio_writeprotect request = {.range = {(uintptr_t)range, size}};
    ioctl(faults, UFFDIO_WRITEPROTECT, &request);
}

static bool
scan(uint8_t *range, size_t size, uint64_t flags, dirty_visit *visit, void *context)
{
    assert((uintptr_t)range % PAGE == 0 && size % PAGE == 0);
    struct region regions[REGION_MAX];
    struct scan request = {.size = sizeof request,
        .flags = flags | SCAN_CHECK_ASYNC,
        .start = (uintptr_t)range,
        .end = (uintptr_t)range + size,
        .regions = (uintptr_t)regions,
        .region_count = REGION_MAX,
        .category_mask = PAGE_WRITTEN,
        .return_mask = PAGE_WRITTEN};
    while (request.start < request.end) {
        int count = ioctl(pagemap, SCAN, &request);
        if (count < 0)
            return false;
        for (int i = 0; i < count; i++)
            visit(context, range + (regions[i].start - (uintptr_t)range),
                regions[i].end - regions[i].start);
        request.start = request.walk_end;
    }
    return true;
}

bool
dirty_list(uint8_t *range, size_t size, dirty_visit *visit, void *context)
{
    return scan(range, size, 0, visit, context);
}

bool
dirty_reset(uint8_t *range, size_t size, dirty_visit *visit, void *context)
{
    return scan(range, size, SCAN_PROTECT, visit, context);
}
