/* Giving memory back. Buffers, tables and heaps keep what the largest crank has needed, which makes
 * the next one fast; when all is quiet it is the system's again. */
#include "host/internal.h"
#include "state/counter.h"

#include <malloc.h>
#include <zstd.h>

#define CRANKS_MIN 10000 /* so that what comes after never waits for it in sum */

void
host_trim(struct host *host)
{
    for (struct online *online = host->newest; online != NULL; online = online->older)
        vat_trim(online->vat);
    vat_trim_shared();
    ZSTD_freeCCtx(host->compressor);
    host->compressor = NULL;
    kernel_trim(host->kernel);
    malloc_trim(0);
    host->trimmed_at = counter_last(kernel_state(host->kernel), COUNTER_CRANK);
}

void
host_rest(struct host *host)
{
    uint64_t crank = counter_last(kernel_state(host->kernel), COUNTER_CRANK);
    if (crank - host->trimmed_at >= CRANKS_MIN)
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
