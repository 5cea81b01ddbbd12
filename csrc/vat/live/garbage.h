/* Garbage collection across vats, as this vat's side of it.
 *
 * Presences are not pinned (noun/words.h): when a collection finds one dead, and no durable value
 * names it, bring_out_your_dead tells the kernel. So the collector is never seen by vat code, and
 * causes no syscall in any other delivery. */
#ifndef VAT_LIVE_GARBAGE_H
#define VAT_LIVE_GARBAGE_H

#include "base/message.h"
#include "vat/noun/remotable.h"
#include "vat/vat.h"

/* The kernel hears of this object of the vat, again or for the first time. */
void garbage_exported(lua_State *L, struct remotable *object, int index);
/* drop_exports, retire_exports, retire_imports */
void garbage_deliver(lua_State *L, const struct delivery *delivery);
/* After a full collection: tells the kernel which imports and dropped exports are gone. */
void garbage_report(lua_State *L);
/* The same as it was recorded, in a replay that does not find the same. */
void garbage_apply(lua_State *L, struct bytes syscalls);
/* Behind either: tables that have held much more than they do now become small again. */
void garbage_shrink(lua_State *L);
/* What would die without some of the pins? The caller puts the heap back. */
void garbage_probe(lua_State *L, struct vat_probe *probe);

#endif
