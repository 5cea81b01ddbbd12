#include "vat/machine/pages.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE HEAP_PAGE

static uint64_t
run_start(const struct heap_run *run)
{
    return (uint64_t)run->start * PAGE;
}

static uint64_t
run_end(const struct heap_run *run)
{
    return run_start(run) + (uint64_t)run->length * PAGE;
}

static void
run_remove(struct heap *heap, uint32_t index)
{
    struct heap_run *runs = heap->own.runs;
    assert(index < heap->own.run_count);
    heap->own.run_count--;
    memmove(runs + index, runs + index + 1, (heap->own.run_count - index) * sizeof *runs);
}

/* The first run that begins at the page or behind it. */
static uint32_t
run_find(const struct heap *heap, uint64_t page)
{
    uint32_t low = 0, high = heap->own.run_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (heap->own.runs[middle].start < page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void *
pages_take(struct heap *heap, uint64_t count)
{
    struct heap_run *runs = heap->own.runs;
    assert(count > 0 && heap->own.run_count <= HEAP_RUN_MAX && heap->used <= heap->own.reserve);
    for (uint32_t i = 0; i < heap->own.run_count; i++) {
        if (runs[i].length < count)
            continue;
        uint8_t *pages = (uint8_t *)heap + run_start(&runs[i]);
        assert(run_end(&runs[i]) <= heap->used);
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

bool
pages_give(struct heap *heap, uint64_t start, uint64_t count)
{
    struct heap_run *runs = heap->own.runs;
    uint32_t at = run_find(heap, start);
    struct heap_run *before = at > 0 ? &runs[at - 1] : NULL;
    struct heap_run *after = at < heap->own.run_count ? &runs[at] : NULL;
    assert(count > 0 && start >= HEAP_HEADER_PAGES && (start + count) * PAGE <= heap->used);
    assert(before == NULL || run_end(before) <= start * PAGE);
    assert(after == NULL || run_start(after) >= (start + count) * PAGE);
    bool joins_before = before != NULL && run_end(before) == start * PAGE;
    bool joins_after = after != NULL && after->start == start + count;
    if (joins_before) {
        before->length += (uint32_t)count;
        if (joins_after) {
            before->length += after->length;
            run_remove(heap, at);
        }
    } else if (joins_after) {
        after->start = (uint32_t)start;
        after->length += (uint32_t)count;
    } else if (heap->own.run_count < HEAP_RUN_MAX) {
        memmove(runs + at + 1, runs + at, (heap->own.run_count - at) * sizeof *runs);
        runs[at] = (struct heap_run){(uint32_t)start, (uint32_t)count};
        heap->own.run_count++;
    } else {
        return false;
    }
    return true;
}

uint64_t
pages_free(const struct heap *heap)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < heap->own.run_count; i++)
        bytes += (uint64_t)heap->own.runs[i].length * PAGE;
    return bytes;
}

bool
pages_next_part(const struct heap *heap, struct pages_part *part)
{
    const struct heap_run *runs = heap->own.runs;
    if (part->run > heap->own.run_count)
        return false;
    part->start = part->run == 0 ? 0 : run_end(&runs[part->run - 1]);
    part->end = part->run == heap->own.run_count ? heap->used : run_start(&runs[part->run]);
    part->run++;
    assert(part->start <= part->end && part->end <= heap->used);
    return true;
}

void
pages_copy(const struct heap *map, uint8_t *to, const uint8_t *from)
{
    struct pages_part part = {0};
    while (pages_next_part(map, &part))
        memcpy(to + part.start, from + part.start, part.end - part.start);
}

bool
pages_equal(const struct heap *map, const uint8_t *a, const uint8_t *b)
{
    struct pages_part part = {0};
    while (pages_next_part(map, &part)) {
        if (memcmp(a + part.start, b + part.start, part.end - part.start) != 0)
            return false;
    }
    return true;
}

void
pages_release(const struct heap *heap, uint8_t *base)
{
    for (uint32_t i = 0; i < heap->own.run_count; i++) {
        const struct heap_run *run = &heap->own.runs[i];
        madvise(base + run_start(run), (uint64_t)run->length * PAGE, MADV_DONTNEED);
    }
}
