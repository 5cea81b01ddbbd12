/* vat.watch: what is to be sent when a promise settles, as rows.
 *
 * A row names its promise by the word under which the kernel knows it, so the kernel keeps the word
 * and this vat's subscription, and a next incarnation is told like the one before. */
#ifndef VAT_LIVE_WATCH_H
#define VAT_LIVE_WATCH_H

#include "vat/machine/lua.h"

void watch_start(lua_State *L); /* those of earlier incarnations */
int watch_add(lua_State *L);    /* vat.watch(p, target, method, ...) */
/* A promise of this vat's heap has settled: its watches send, and go. */
void watch_settled(lua_State *L, int promise);
/* A promise known as word follows the other one, which its watches name from now on. */
void watch_follows(lua_State *L, uint64_t word, uint64_t other);

#endif
