/* One vat's heap: an arena with the allocator of its Lua.
 *
 * The header, with the allocator's whole state, is the first thing in the range, so that copying
 * pages copies the allocator too. Ranges start at multiples of 4 GiB, so any address in one leads
 * to its header. */
#ifndef VAT_MACHINE_HEAP_H
#define VAT_MACHINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vat/machine/lua.h"

struct liveslots;
struct vat;

struct heap {
    uint64_t magic;
    struct vat *vat;      /* set again whenever the range is loaded; the one pointer outwards */
    lua_State *L;         /* the main thread */
    struct liveslots *ls; /* the vat library's state, in the arena; NULL until it is opened */
    uint64_t limit;       /* bytes of Lua heap */
    uint64_t live;        /* bytes that Lua holds */
    uint64_t used;        /* bytes from the range's start that were ever reached */
    /* heap.c adds its own below this line */
    struct heap_private {
        uint64_t reserve;
        uint64_t allocations; /* successful ones, ever: deterministic */
        uint64_t pending;     /* size of a refused request: a second refusal ends the delivery */
        uint64_t freed;       /* bytes since heap_trim last searched */
        void *state;          /* the first block: lua_newstate's */
        uint64_t state_size;
        void *free_lists[129];
        uint64_t bump, bump_end;
        uint32_t run_count;
        struct heap_run {
            uint32_t start, length; /* pages */
        } runs[860];                /* free ones; with the rest they fill two pages */
    } own;
};

#define HEAP_PAGE 4096u

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
uint64_t heap_hash(const struct heap *heap);
uint64_t heap_in_use(const struct heap *heap); /* bytes of pages that are not free */
/* Makes whole pages of free blocks when much was freed; limit_run does it behind the body. */
void heap_trim(struct heap *heap);
/* Of what lies at base as the heap's pages lie in it, the free ones go back to Linux. */
void heap_release_pages(const struct heap *heap, uint8_t *base);
void heap_release_counts(void); /* what heap_trim has used, for all heaps in turn */

#endif
