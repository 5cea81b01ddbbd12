/* Words and what they stand for in this vat's heap.
 *
 * A word is that of a vref. It leads to its remotable, presence or promise through a weak table.
 * What the kernel may still name is pinned by a strong one: promises, and the exports that somebody
 * reaches. Presences are not pinned: live/garbage.c finds those that died. Four tables:
 *
 *   objects   word -> remotable, presence or promise; weak
 *   pins      word -> promises, and exports that somebody reaches
 *   imports   word -> true, of every presence that the kernel counts
 *   dropped   word -> true, of exports that nobody reaches but may recognize
 *
 * A word of pins or of a living presence is in objects too; no word is in pins and dropped. Vat
 * code reaches none of them, since a weak table shows what the collector did. */
#ifndef VAT_NOUN_WORDS_H
#define VAT_NOUN_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "vat/machine/lua.h"

void words_open(lua_State *L); /* the tables, empty */
/* The word, which is its own already, leads to the value at index from now on. */
void words_put(lua_State *L, uint64_t word, int index);
bool words_push(lua_State *L, uint64_t word); /* pushes nothing when it is not there */
/* Somebody else may reach the remotable at index, which is exported under this word. */
void words_pin(lua_State *L, uint64_t word, int index);
/* Nobody reaches the export any more; dropped: somebody may still recognize it. */
void words_unpin(lua_State *L, uint64_t word, bool dropped);
/* The kernel counts this import, whether or not the heap has a presence of it. */
void words_import(lua_State *L, uint64_t word);
void words_forget(lua_State *L, uint64_t word); /* the kernel has: all four tables */

/* Whether the tables say what is above, and objects know the words that lead to them; by a walk
   over all, for assertions. */
bool words_are_sound(lua_State *L);

#endif
