/* One vat's heap: an arena in a range of addresses of its own, and the allocator of its Lua.
 *
 * Ranges begin at multiples of 4 GiB, so that any address in one leads to its header, and each vat
 * has a favourite one by its number, so that its history gives the same addresses again. A range is
 * reserved whole, for twice the memory limit and more; Linux gives pages as they are written.
 *
 *     header  | pages that are in use, or free in runs              | never reached
 *     2 pages |                                                     |
 *     0                                                             used      reserve
 *
 * The header, with the allocator's whole state, is the first thing in the range, so that copying
 * the pages below `used` copies the allocator too, and putting them back undoes it.
 *
 * A block above 2 KiB is whole pages: the first free run that is long enough, or what lies beyond
 * `used` (pages.h). A smaller one is rounded up to 16 bytes. It comes from the list of free blocks
 * of its size, or is cut, at `bump`, from the page where blocks are cut now; it never crosses into
 * another. No block has a header: Lua tells its size when it gives it back. Pages of which all
 * blocks are free become free pages when heap_trim looks for them.
 *
 * All of it depends on what was asked for and on nothing else: the same history of requests gives
 * the same addresses, and the same bytes. */
#ifndef VAT_MACHINE_HEAP_H
#define VAT_MACHINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vat/machine/lua.h"

struct liveslots;
struct vat;

#define HEAP_PAGE 4096u
#define HEAP_HEADER_PAGES 2u
#define HEAP_GRAIN 16u
#define HEAP_SMALL_MAX 2048u /* larger blocks are whole pages */
#define HEAP_RUN_MAX 860u

struct heap {
    uint64_t magic;
    struct vat *vat;      /* set again whenever the range is loaded; the one pointer outwards */
    lua_State *L;         /* the main thread */
    struct liveslots *ls; /* the vat library's state, in the arena; NULL until it is opened */
    uint64_t limit;       /* bytes of Lua heap */
    uint64_t live;        /* bytes that Lua holds */
    uint64_t used;        /* bytes from the range's start that were ever reached */
    /* below this line: the machine's own */
    struct heap_private {
        uint64_t reserve;
        uint64_t allocations; /* successful ones, ever: deterministic */
        uint64_t pending;     /* size of a refused request: a second refusal ends the delivery */
        uint64_t freed;       /* bytes since heap_trim last searched */
        void *state;          /* the first block: lua_newstate's */
        uint64_t state_size;
        void *free_lists[HEAP_SMALL_MAX / HEAP_GRAIN + 1]; /* of blocks, by size */
        uint64_t bump, bump_end; /* addresses between which blocks are cut */
        uint32_t run_count;
        struct heap_run {
            uint32_t start, length; /* pages */
        } runs[HEAP_RUN_MAX];       /* free ones; with the rest they fill two pages */
    } own;
};

struct heap *heap_open(uint64_t number, uint64_t limit); /* NULL: no range is free */
/* An empty range for an image's pages; NULL: it is taken, or no heap can have been there. */
struct heap *heap_open_at(uint64_t base, uint64_t reserve);
bool heap_is_sound(const struct heap *heap); /* what a loaded header says can be true */
void heap_close(struct heap *heap);
/* The heap that an address in the arena belongs to. */
static inline struct heap *
heap_of(const void *address)
{
    return (struct heap *)((uintptr_t)address & ~(uintptr_t)0xffffffff);
}
static inline struct vat *
vat_of(lua_State *L)
{
    return heap_of(L)->vat;
}
/* The lua_Alloc of every vat; ud is the heap. */
void *heap_allocate(void *ud, void *block, size_t old_size, size_t new_size);
/* What Lua may still take. The kernel's collector has room of its own (vat.c), and may leave the
 * heap above its limit: then nothing. */
static inline uint64_t
heap_room(const struct heap *heap)
{
    return heap->live < heap->limit ? heap->limit - heap->live : 0;
}
uint64_t heap_hash(const struct heap *heap);   /* of every byte in use */
uint64_t heap_in_use(const struct heap *heap); /* bytes of pages that are not free */
/* For heap_trim: pages that no block needs any more. start: a page's number. */
void heap_give_pages(struct heap *heap, uint64_t start, uint64_t count);

#endif
