#include "host/trim.h"

#include <assert.h>
#include <malloc.h>
#include <zstd.h>

#include "host/internal.h"
#include "kernel/face/block.h"

#define CRANKS_MIN 10000 /* so that what comes after never waits for it in sum */

void
host_trim(struct host *host)
{
    assert(!kernel_in_crank(host->kernel));
    for (struct online *online = host->newest; online != NULL; online = online->older)
        vat_trim(online->vat);
    vat_trim_shared();
    ZSTD_freeCCtx(host->compressor);
    host->compressor = NULL;
    kernel_trim(host->kernel);
    malloc_trim(0);
    host->trimmed_at = kernel_cranks(host->kernel);
}

void
trim_at_rest(struct host *host)
{
    assert(kernel_cranks(host->kernel) >= host->trimmed_at);
    if (kernel_cranks(host->kernel) - host->trimmed_at >= CRANKS_MIN)
        host_trim(host);
}

uint64_t
host_memory(const struct host *host)
{
    uint64_t size = kernel_memory(host->kernel) + ZSTD_sizeof_CCtx(host->compressor);
    for (const struct online *online = host->newest; online != NULL; online = online->older)
        size += vat_memory(online->vat);
    return size;
}
