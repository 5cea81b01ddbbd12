#include "vat/machine/heap_trim.h"

#include "base/memory.h"
#include "vat/machine/limit.h"
#include "vat/machine/outside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PAGE HEAP_PAGE
#define TRIM_MIN (128u * 1024) /* unused bytes below this are not worth a search */

static uint16_t *free_bytes; /* by page */
static uint64_t free_bytes_count;

static uint64_t
page_of(const struct heap *heap, const void *block)
{
    uint64_t page = (uint64_t)((const uint8_t *)block - (const uint8_t *)heap) / PAGE;
    assert(page >= HEAP_HEADER_PAGES && page < heap->used / PAGE);
    return page;
}

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
    for (uint64_t size = HEAP_GRAIN; size <= HEAP_SMALL_MAX; size += HEAP_GRAIN) {
        void *block = heap->own.free_lists[size / HEAP_GRAIN];
        for (; block != NULL; block = *(void **)block) {
            uint64_t page = page_of(heap, block);
            free_bytes[page] += (uint16_t)size;
            assert((uintptr_t)block % HEAP_GRAIN == 0);
            assert((uintptr_t)block % PAGE + size <= PAGE); /* no small block crosses pages */
            assert(free_bytes[page] <= PAGE);               /* and none is free twice */
        }
    }
}

static void
unlink_free(struct heap *heap, uint64_t size)
{
    void **link = &heap->own.free_lists[size / HEAP_GRAIN];
    while (*link != NULL) {
        void *block = *link;
        if (free_bytes[page_of(heap, block)] == PAGE)
            *link = *(void **)block;
        else
            link = block;
    }
}

static void
give_free(struct heap *heap)
{
    uint64_t pages = heap->used / PAGE, start = 0;
    for (uint64_t page = 1; page <= pages; page++) {
        bool is_free = page < pages && free_bytes[page] == PAGE;
        if (is_free && start == 0) {
            start = page;
        } else if (!is_free && start != 0) {
            heap_give_pages(heap, start, page - start);
            start = 0;
        }
    }
}

void
heap_trim(struct heap *heap)
{
    assert(!limit_is_running() && heap->live <= heap_in_use(heap));
    if (heap->own.freed < heap->live / 2 || heap_in_use(heap) - heap->live < TRIM_MIN)
        return;
    heap->own.freed = 0;
    outside_begin();
    count_free(heap);
    for (uint64_t size = HEAP_GRAIN; size <= HEAP_SMALL_MAX; size += HEAP_GRAIN)
        unlink_free(heap, size);
    give_free(heap);
    outside_end();
    assert(heap_is_sound(heap) && heap->live <= heap_in_use(heap));
}

void
heap_trim_release(void)
{
    free(free_bytes);
    free_bytes = NULL;
    free_bytes_count = 0;
}
