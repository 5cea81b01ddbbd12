/* Giving memory back. Buffers, tables and heaps keep what the largest crank has needed, which makes
 * the next one fast; when all is quiet it is the system's again. Nothing that anybody can see
 * changes by it. */
#ifndef HOST_TRIM_H
#define HOST_TRIM_H

#include "host/host.h"

/* Gives back what kernel and vats do not need now. Not within a crank. */
void host_trim(struct host *host);
uint64_t host_memory(const struct host *host); /* bytes that kernel and vats hold */
/* There is nothing to do: the same, when much was done since. */
void trim_at_rest(struct host *host);

#endif
