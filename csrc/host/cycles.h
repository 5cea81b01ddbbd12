/* Object cycles across vats: objects in several vats that hold each other, and that nothing else
 * holds. Counts alone keep them for ever.
 *
 * Suppose that every suspect is garbage, and ask each vat: if nobody reached your suspect exports
 * from outside, which of the imported suspects would your heap still hold? The vat unpins them,
 * collects, looks, and its heap is put back, byte for byte. A suspect that some heap still holds is
 * alive; its owner must be asked again with it pinned. When nothing changes any more, what is left
 * is held by nothing but itself, and its owners are told to drop it; the ordinary collector does
 * the rest. All of it happens between two cranks, so what the vats say fits together. */
#ifndef HOST_CYCLES_H
#define HOST_CYCLES_H

#include "host/host.h"

/* Finds such objects among at most so many suspects, and has them dropped by the next cranks; how
   many. Not within a crank. */
size_t host_collect_cycles(struct host *host, size_t most);
/* The same by itself, when there is nothing else to do, and seldom. True when it found some. */
bool cycles_look(struct host *host);

#endif
