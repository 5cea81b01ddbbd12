#include "vat/machine/heap.h"

#include "base/memory.h"
#include "vat/machine/limit.h"
#include "vat/machine/lua544.h"
#include "vat/machine/outside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEAP_MAGIC UINT64_C(0x4d6f6f6e76617431)
#define RANGE_BASE UINT64_C(0x201000000000)
#define RANGE_SIZE (UINT64_C(1) << 32)
#define RANGE_COUNT 13000u
#define PAGE HEAP_PAGE
#define SMALL_MAX 2048u /* larger blocks are whole pages */
#define GRAIN 16u
#define TRIM_MIN (128u * 1024) /* unused bytes below this are not worth a search */
#define RUN_MAX (sizeof(((struct heap *)NULL)->own.runs) / sizeof(struct heap_run))
#define HEADER_PAGES ((sizeof(struct heap) + PAGE - 1) / PAGE)
_Static_assert(HEADER_PAGES == 2, "the header grew");

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

static uint8_t *
page_address(struct heap *heap, uint64_t page)
{
    return (uint8_t *)heap + page * PAGE;
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
    if (heap->own.run_count > RUN_MAX)
        return false;
    uint64_t at = HEADER_PAGES;
    for (uint32_t i = 0; i < heap->own.run_count; i++) {
        const struct heap_run *run = &heap->own.runs[i];
        if (run->start < at)
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
    munmap(heap, heap->own.reserve);
}

/* Pages: the free runs lie sorted in the header, and none touches the next. */

static void
run_remove(struct heap *heap, uint32_t index)
{
    struct heap_run *runs = heap->own.runs;
    heap->own.run_count--;
    memmove(runs + index, runs + index + 1, (heap->own.run_count - index) * sizeof *runs);
}

/* Zeroed, so that nothing in the heap depends on what was undone. */
static void *
pages_take(struct heap *heap, uint64_t count)
{
    struct heap_run *runs = heap->own.runs;
    for (uint32_t i = 0; i < heap->own.run_count; i++) {
        if (runs[i].length < count)
            continue;
        uint8_t *pages = page_address(heap, runs[i].start);
        runs[i].start += (uint32_t)count;
        runs[i].length -= (uint32_t)count;
        if (runs[i].length == 0)
            run_remove(heap, i);
        return memset(pages, 0, count * PAGE);
    }
    if (count > (heap->own.reserve - heap->used) / PAGE)
        return NULL;
    uint8_t *pages = (uint8_t *)heap + heap->used;
    heap->used += count * PAGE;
    return pages;
}

static void
small_give(struct heap *heap, void *block, uint64_t size)
{
    void **list = &heap->own.free_lists[size / GRAIN];
    *(void **)block = *list;
    *list = block;
}

static void
pages_give(struct heap *heap, uint64_t start, uint64_t count)
{
    struct heap_run *runs = heap->own.runs;
    uint32_t low = 0, high = heap->own.run_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (runs[middle].start < start)
            low = middle + 1;
        else
            high = middle;
    }
    bool before = low > 0 && runs[low - 1].start + runs[low - 1].length == start;
    bool after = low < heap->own.run_count && runs[low].start == start + count;
    if (before) {
        runs[low - 1].length += (uint32_t)count;
        if (after) {
            runs[low - 1].length += runs[low].length;
            run_remove(heap, low);
        }
    } else if (after) {
        runs[low].start = (uint32_t)start;
        runs[low].length += (uint32_t)count;
    } else if (heap->own.run_count < RUN_MAX) {
        memmove(runs + low + 1, runs + low, (heap->own.run_count - low) * sizeof *runs);
        runs[low] = (struct heap_run){(uint32_t)start, (uint32_t)count};
        heap->own.run_count++;
    } else { /* no room to note it: it serves small blocks from now on */
        for (uint64_t i = 0; i < count * PAGE; i += SMALL_MAX)
            small_give(heap, page_address(heap, start) + i, SMALL_MAX);
    }
}

/* Blocks: small ones are cut from pages and never cross one. */

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
        *list = *(void **)block;
        return block;
    }
    if (heap->own.bump_end - heap->own.bump < size && !find_room(heap))
        return NULL;
    void *block = (void *)(uintptr_t)heap->own.bump;
    heap->own.bump += size;
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
    if (size <= SMALL_MAX)
        small_give(heap, block, round_up(size, GRAIN));
    else
        pages_give(heap, page_of(heap, block), page_count(size));
}

/* Where the block may stay: the same class, or fewer pages. */
static bool
block_fits(struct heap *heap, void *block, uint64_t old_size, uint64_t new_size)
{
    if (old_size <= SMALL_MAX || new_size <= SMALL_MAX)
        return old_size <= SMALL_MAX && new_size <= SMALL_MAX &&
               round_up(old_size, GRAIN) == round_up(new_size, GRAIN);
    uint64_t had = page_count(old_size), needs = page_count(new_size);
    if (needs < had)
        pages_give(heap, page_of(heap, block) + needs, had - needs);
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
            pages_give(heap, page_of(heap, block) + 1, page_count(old_size) - 1);
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
    if (block == NULL)
        old_size = 0; /* Lua passes a type here */
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
    if (heap->own.allocations < 2)
        note_state(heap, result, new_size);
    return result;
}

/* Pages of which every small block is free serve anything again: else one delivery's garbage would
 * be copied by undo_save for ever. */

static uint16_t *free_bytes; /* by page */
static uint64_t free_bytes_count;

static void
count_free(struct heap *heap)
{
    uint64_t pages = heap->used / PAGE;
    if (free_bytes_count < pages) {
        free(free_bytes);
        free_bytes = memory_new(pages * sizeof *free_bytes);
        free_bytes_count = pages;
    }
    memset(free_bytes, 0, pages * sizeof *free_bytes);
    for (uint64_t size_class = 1; size_class <= SMALL_MAX / GRAIN; size_class++) {
        for (void *block = heap->own.free_lists[size_class]; block != NULL; block = *(void **)block)
            free_bytes[page_of(heap, block)] += (uint16_t)(size_class * GRAIN);
    }
}

static void
unlink_free(struct heap *heap, uint64_t size_class)
{
    void **link = &heap->own.free_lists[size_class];
    while (*link != NULL) {
        void *block = *link;
        if (free_bytes[page_of(heap, block)] == PAGE)
            *link = *(void **)block;
        else
            link = block;
    }
}

uint64_t
heap_in_use(const struct heap *heap)
{
    uint64_t bytes = heap->used;
    for (uint32_t i = 0; i < heap->own.run_count; i++)
        bytes -= (uint64_t)heap->own.runs[i].length * PAGE;
    return bytes;
}

void
heap_trim(struct heap *heap)
{
    if (heap->own.freed < heap->live / 2 || heap_in_use(heap) - heap->live < TRIM_MIN)
        return;
    heap->own.freed = 0;
    outside_begin();
    count_free(heap);
    for (uint64_t size_class = 1; size_class <= SMALL_MAX / GRAIN; size_class++)
        unlink_free(heap, size_class);
    uint64_t pages = heap->used / PAGE, start = 0;
    for (uint64_t page = 1; page <= pages; page++) {
        bool is_free = page < pages && free_bytes[page] == PAGE;
        if (is_free && start == 0) {
            start = page;
        } else if (!is_free && start != 0) {
            pages_give(heap, start, page - start);
            start = 0;
        }
    }
    outside_end();
}

void
heap_release_pages(const struct heap *heap, uint8_t *base)
{
    for (uint32_t i = 0; i < heap->own.run_count; i++)
        madvise(base + (uint64_t)heap->own.runs[i].start * PAGE,
            (uint64_t)heap->own.runs[i].length * PAGE, MADV_DONTNEED);
}

void
heap_release_counts(void)
{
    free(free_bytes);
    free_bytes = NULL;
    free_bytes_count = 0;
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
    uint64_t at = offsetof(struct heap, L); /* not the pointer that leads out */
    uint64_t hash = heap->used;
    for (uint32_t i = 0; i < heap->own.run_count; i++) {
        uint64_t start = (uint64_t)heap->own.runs[i].start * PAGE;
        hash = hash_words(hash, bytes + at, bytes + start);
        at = start + (uint64_t)heap->own.runs[i].length * PAGE;
    }
    return hash_words(hash, bytes + at, bytes + heap->used);
}
