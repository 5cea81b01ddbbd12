#include "vat/machine/heap.h"

#include "vat/machine/limit.h"
#include "vat/machine/lua544.h"
#include "vat/machine/outside.h"
#include "vat/machine/pages.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define HEAP_MAGIC UINT64_C(0x4d6f6f6e76617431)
#define RANGE_BASE UINT64_C(0x201000000000)
#define RANGE_SIZE (UINT64_C(1) << 32)
#define RANGE_COUNT 13000u
#define PAGE HEAP_PAGE
#define SMALL_MAX HEAP_SMALL_MAX
#define GRAIN HEAP_GRAIN
#define HEADER_PAGES HEAP_HEADER_PAGES
_Static_assert(sizeof(struct heap) <= HEADER_PAGES * PAGE, "the header grew");

static uint64_t
round_up(uint64_t size, uint64_t grain)
{
    return (size + grain - 1) / grain * grain;
}

static uint64_t
page_count(uint64_t size)
{
    return (size + PAGE - 1) / PAGE;
}

static uint64_t
page_of(const struct heap *heap, const void *block)
{
    return (uint64_t)((const uint8_t *)block - (const uint8_t *)heap) / PAGE;
}

/* errno is EEXIST when something else is there. */
static struct heap *
map_range(uintptr_t at, uint64_t reserve)
{
    assert(at % RANGE_SIZE == 0 && reserve % PAGE == 0 && reserve < RANGE_SIZE);
    void *range = mmap((void *)at, reserve, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (range == MAP_FAILED)
        return NULL;
    if (range != (void *)at) { /* a Linux before 4.17 takes the address as a hint */
        munmap(range, reserve);
        errno = EEXIST;
        return NULL;
    }
    madvise(range, reserve, MADV_NOHUGEPAGE); /* vats are small */
    return range;
}

struct heap *
heap_open(uint64_t number, uint64_t limit)
{
    uint64_t most = RANGE_SIZE - PAGE;
    uint64_t reserve = limit > (most >> 1) ? most : round_up(2 * limit + (1u << 20), PAGE);
    if (reserve > most)
        reserve = most;
    for (uint64_t i = 0; i < RANGE_COUNT; i++) {
        uintptr_t at = RANGE_BASE + (number + i) % RANGE_COUNT * RANGE_SIZE;
        struct heap *heap = map_range(at, reserve);
        if (heap == NULL && errno == EEXIST)
            continue;
        if (heap == NULL)
            break;
        heap->magic = HEAP_MAGIC;
        heap->limit = limit;
        heap->used = HEADER_PAGES * PAGE;
        heap->own.reserve = reserve;
        assert(heap_is_sound(heap));
        return heap;
    }
    return NULL;
}

struct heap *
heap_open_at(uint64_t base, uint64_t reserve)
{
    bool is_range = base >= RANGE_BASE && base < RANGE_BASE + RANGE_COUNT * RANGE_SIZE &&
                    base % RANGE_SIZE == 0;
    bool fits = reserve >= HEADER_PAGES * PAGE && reserve < RANGE_SIZE && reserve % PAGE == 0;
    return is_range && fits ? map_range(base, reserve) : NULL;
}

bool
heap_is_sound(const struct heap *heap)
{
    if (heap->magic != HEAP_MAGIC || heap->used > heap->own.reserve || heap->used % PAGE != 0)
        return false;
    if (heap->live > heap->used || heap->own.run_count > HEAP_RUN_MAX)
        return false;
    uint64_t at = HEADER_PAGES;
    for (uint32_t i = 0; i < heap->own.run_count; i++) {
        const struct heap_run *run = &heap->own.runs[i];
        bool touches = i > 0 && run->start == at;
        if (run->start < at || touches || run->length == 0)
            return false;
        at = (uint64_t)run->start + run->length;
    }
    return at <= heap->used / PAGE;
}

void
heap_close(struct heap *heap)
{
    if (heap == NULL)
        return;
    assert(heap_of(heap) == heap);
    munmap(heap, heap->own.reserve);
}

/* Blocks: small ones are cut from pages and never cross one. */

/* For assertions: whether a block of this size can be there. */
static inline bool
is_block(const struct heap *heap, const void *block, uint64_t size)
{
    uint64_t offset = (uint64_t)((const uint8_t *)block - (const uint8_t *)heap);
    uint64_t in_page = offset % PAGE;
    if (heap_of(block) != heap || offset < HEADER_PAGES * PAGE || offset + size > heap->used)
        return false;
    return size <= SMALL_MAX ? in_page % GRAIN == 0 && in_page + size <= PAGE : in_page == 0;
}

static void
small_give(struct heap *heap, void *block, uint64_t size)
{
    assert(size > 0 && size % GRAIN == 0 && is_block(heap, block, size));
    void **list = &heap->own.free_lists[size / GRAIN];
    *(void **)block = *list;
    *list = block;
}

/* Where there is no room to note free pages, they serve small blocks from now on. */
void
heap_give_pages(struct heap *heap, uint64_t start, uint64_t count)
{
    if (pages_give(heap, start, count))
        return;
    for (uint64_t i = 0; i < count * PAGE; i += SMALL_MAX)
        small_give(heap, (uint8_t *)heap + start * PAGE + i, SMALL_MAX);
}

/* What is left of the old place for new blocks goes on the lists. */
static bool
find_room(struct heap *heap)
{
    void **largest = &heap->own.free_lists[SMALL_MAX / GRAIN];
    uint64_t size = PAGE;
    void *room = *largest;
    if (room != NULL) {
        size = SMALL_MAX;
        *largest = *(void **)room;
    } else {
        room = pages_take(heap, 1);
    }
    if (room == NULL)
        return false;
    assert(heap->own.bump <= heap->own.bump_end && heap->own.bump_end - heap->own.bump <= PAGE);
    while (heap->own.bump < heap->own.bump_end) {
        uint64_t left = heap->own.bump_end - heap->own.bump;
        uint64_t piece = left < SMALL_MAX ? left : SMALL_MAX;
        small_give(heap, (void *)(uintptr_t)heap->own.bump, piece);
        heap->own.bump += piece;
    }
    heap->own.bump = (uint64_t)(uintptr_t)room;
    heap->own.bump_end = heap->own.bump + size;
    return true;
}

static void *
small_take(struct heap *heap, uint64_t size)
{
    void **list = &heap->own.free_lists[size / GRAIN];
    if (*list != NULL) {
        void *block = *list;
        assert(is_block(heap, block, size));
        *list = *(void **)block;
        return block;
    }
    if (heap->own.bump_end - heap->own.bump < size && !find_room(heap))
        return NULL;
    void *block = (void *)(uintptr_t)heap->own.bump;
    heap->own.bump += size;
    assert(heap->own.bump <= heap->own.bump_end && is_block(heap, block, size));
    return block;
}

static void *
block_take(struct heap *heap, uint64_t size)
{
    if (size <= SMALL_MAX)
        return small_take(heap, round_up(size, GRAIN));
    return pages_take(heap, page_count(size));
}

static void
block_give(struct heap *heap, void *block, uint64_t size)
{
    assert(is_block(heap, block, size));
    if (size <= SMALL_MAX)
        small_give(heap, block, round_up(size, GRAIN));
    else
        heap_give_pages(heap, page_of(heap, block), page_count(size));
}

/* Where the block may stay: the same class, or fewer pages. */
static bool
block_fits(struct heap *heap, void *block, uint64_t old_size, uint64_t new_size)
{
    if (old_size <= SMALL_MAX || new_size <= SMALL_MAX)
        return old_size <= SMALL_MAX && new_size <= SMALL_MAX &&
               round_up(old_size, GRAIN) == round_up(new_size, GRAIN);
    assert(is_block(heap, block, old_size));
    uint64_t had = page_count(old_size), needs = page_count(new_size);
    if (needs < had)
        heap_give_pages(heap, page_of(heap, block) + needs, had - needs);
    return needs <= had;
}

static void *
block_move(struct heap *heap, void *block, uint64_t old_size, uint64_t new_size)
{
    void *moved = block_take(heap, new_size);
    if (moved != NULL) {
        memcpy(moved, block, old_size < new_size ? old_size : new_size);
        block_give(heap, block, old_size);
    } else if (new_size < old_size) { /* shrinking never fails: the rest is given back or lost */
        if (old_size > PAGE)
            heap_give_pages(heap, page_of(heap, block) + 1, page_count(old_size) - 1);
        return block;
    }
    return moved;
}

/* Lua answers a first refusal with a full collection and asks again. A refusal of that is final:
   an error could be caught, and the vat would go on at its limit for ever. */
static void *
refuse(struct heap *heap, uint64_t size)
{
    if (heap->own.pending == size && limit_is_running())
        limit_fault(VAT_FAULT_MEMORY);
    heap->own.pending = size;
    return NULL;
}

/* The first block is the state; by the second its hash seed is set, and nothing was hashed yet. */
static void
note_state(struct heap *heap, void *block, uint64_t size)
{
    heap->own.allocations++;
    if (heap->own.allocations == 1) {
        heap->own.state = block;
        heap->own.state_size = size;
    } else if (heap->own.allocations == 2) {
        lua544_set_seed(heap->own.state, heap->own.state_size, heap_allocate, heap);
    }
}

void *
heap_allocate(void *ud, void *block, size_t old_size, size_t new_size)
{
    struct heap *heap = ud;
    assert(heap_of(heap) == heap && heap->magic == HEAP_MAGIC);
    assert(!outside_is_open()); /* no lua_* function is called there */
    if (block == NULL)
        old_size = 0; /* Lua passes a type here */
    assert(old_size <= heap->live);
    if (new_size == 0) {
        if (old_size > 0)
            block_give(heap, block, old_size);
        heap->live -= old_size;
        heap->own.freed += old_size;
        return NULL;
    }
    if (new_size > old_size && new_size - old_size > heap_room(heap))
        return refuse(heap, new_size);
    void *result = block;
    if (old_size == 0)
        result = block_take(heap, new_size);
    else if (!block_fits(heap, block, old_size, new_size))
        result = block_move(heap, block, old_size, new_size);
    if (result == NULL)
        return refuse(heap, new_size);
    heap->own.pending = 0;
    heap->live += new_size - old_size;
    assert(heap->live <= heap->used && is_block(heap, result, new_size));
    if (heap->own.allocations < 2)
        note_state(heap, result, new_size);
    return result;
}

uint64_t
heap_in_use(const struct heap *heap)
{
    return heap->used - pages_free(heap);
}

static uint64_t
hash_words(uint64_t hash, const uint8_t *from, const uint8_t *end)
{
    for (; from < end; from += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, from, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}

uint64_t
heap_hash(const struct heap *heap)
{
    const uint8_t *bytes = (const uint8_t *)heap;
    struct pages_part part = {0};
    uint64_t hash = heap->used;
    while (pages_next_part(heap, &part)) {
        /* not the pointer that leads out */
        uint64_t start = part.start == 0 ? offsetof(struct heap, L) : part.start;
        hash = hash_words(hash, bytes + start, bytes + part.end);
    }
    return hash;
}
