#include "vat/machine/undo.h"

#include "base/memory.h"
#include "vat/machine/dirty.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE HEAP_PAGE
#define SHADOW_MIN (160u * 1024) /* bytes in use from which asking Linux beats copying */
#define WATCH_COST 8             /* of a watched page's first write, in copies of a page */
#define SAVES_MAX 256            /* without watching anew */

struct shadow {
    struct heap *heap;
    uint8_t *data;
    size_t size;
    uint32_t saves;  /* since Linux watches; 0: it is to begin anew */
    uint64_t copied; /* bytes, by the last of them */
    uint64_t least;  /* by any of them: about what one delivery writes */
    uint64_t excess; /* by all of them, above the least */
};

static struct {
    uint8_t *data;
    size_t capacity;
} whole;

void
undo_forget(struct machine *machine)
{
    struct shadow *shadow = machine->shadow;
    if (shadow == NULL)
        return;
    machine->shadow = NULL;
    munmap(shadow->data, shadow->size);
    free(shadow);
}

/* NULL when Linux does not say which pages were written. */
static struct shadow *
make_shadow(struct machine *machine)
{
    struct heap *heap = machine->heap;
    size_t size = heap->own.reserve;
    void *data = mmap(
        NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED)
        return NULL;
    if (!dirty_watch((uint8_t *)heap, size)) {
        munmap(data, size);
        return NULL;
    }
    struct shadow *shadow = memory_new(sizeof *shadow);
    *shadow = (struct shadow){.heap = heap, .data = data, .size = size};
    machine->shadow = shadow;
    return shadow;
}

static void
save_pages(void *context, uint8_t *pages, size_t size)
{
    struct shadow *shadow = context;
    memcpy(shadow->data + (pages - (uint8_t *)shadow->heap), pages, size);
    shadow->copied += size;
}

static void
skip_pages(void *context, uint8_t *pages, size_t size)
{
    (void)context;
    (void)pages;
    (void)size;
}

/* Free pages hold nothing, so they are left out. */
static void
copy_used(const struct heap *map, uint8_t *to, const uint8_t *from)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < map->own.run_count; i++) {
        uint64_t start = (uint64_t)map->own.runs[i].start * PAGE;
        memcpy(to + at, from + at, start - at);
        at = start + (uint64_t)map->own.runs[i].length * PAGE;
    }
    if (at < map->used)
        memcpy(to + at, from + at, map->used - at);
}

/* Watching anew makes each page's next write dear; going on means to copy pages again that nobody
 * writes now. It is begun anew when the second has cost as much as the first will. */
static bool
refresh(struct shadow *shadow, dirty_visit *visit)
{
    struct heap *heap = shadow->heap;
    bool anew = shadow->saves == 0 || shadow->saves == SAVES_MAX ||
                shadow->excess > WATCH_COST * shadow->least;
    shadow->copied = 0;
    if (!(anew ? dirty_reset : dirty_list)((uint8_t *)heap, heap->used, visit, shadow))
        return false;
    if (anew) {
        shadow->saves = 1;
        shadow->least = UINT64_MAX;
        shadow->excess = 0;
        return true;
    }
    shadow->saves++;
    if (shadow->copied < shadow->least)
        shadow->least = shadow->copied;
    shadow->excess += shadow->copied - shadow->least;
    return true;
}

/* Up to date with the heap; NULL when it should have none. */
static struct shadow *
fresh_shadow(struct machine *machine)
{
    static bool refused;
    struct heap *heap = machine->heap;
    struct shadow *shadow = machine->shadow;
    uint64_t in_use = heap_in_use(heap);
    if (shadow != NULL && in_use < SHADOW_MIN / 2) {
        undo_forget(machine);
        return NULL;
    }
    dirty_visit *visit = save_pages;
    if (shadow == NULL) {
        if (refused || in_use < SHADOW_MIN)
            return NULL;
        shadow = make_shadow(machine);
        refused = shadow == NULL;
        if (refused)
            return NULL;
        copy_used(heap, shadow->data, (const uint8_t *)heap);
        visit = skip_pages;
    }
    if (refresh(shadow, visit))
        return shadow;
    undo_forget(machine);
    refused = true;
    return NULL;
}

void
undo_save(struct machine *machine)
{
    struct heap *heap = machine->heap;
    if (fresh_shadow(machine) != NULL)
        return;
    if (whole.capacity < heap->used) {
        free(whole.data);
        whole.capacity = heap->used + heap->used / 2;
        whole.data = memory_new(whole.capacity);
    }
    copy_used(heap, whole.data, (const uint8_t *)heap);
}

void
undo_write_all(struct machine *machine)
{
    struct shadow *shadow = machine->shadow;
    if (shadow == NULL)
        return;
    dirty_all((uint8_t *)machine->heap, machine->heap->used);
    shadow->saves = 0;
}

bool
undo_has_shadow(const struct machine *machine)
{
    return machine->shadow != NULL;
}

void
undo_release(struct machine *machine)
{
    struct heap *heap = machine->heap;
    struct shadow *shadow = machine->shadow;
    heap_release_pages(heap, (uint8_t *)heap);
    if (shadow != NULL && heap_in_use(heap) < SHADOW_MIN)
        undo_forget(machine);
    else if (shadow != NULL)
        heap_release_pages(heap, shadow->data);
}

void
undo_release_shared(void)
{
    free(whole.data);
    whole.data = NULL;
    whole.capacity = 0;
    heap_release_counts();
}

static uint64_t
saved_size(const uint8_t *data)
{
    uint64_t used;
    memcpy(&used, data + offsetof(struct heap, used), sizeof used);
    return used;
}

/* What lies beyond the used pages is always zero. */
static void
restore_pages(void *context, uint8_t *pages, size_t size)
{
    const struct shadow *shadow = context;
    uint64_t used = saved_size(shadow->data);
    uint64_t at = (uint64_t)(pages - (uint8_t *)shadow->heap);
    uint64_t known = at >= used ? 0 : at + size <= used ? size : used - at;
    memcpy(pages, shadow->data + at, known);
    memset(pages + known, 0, size - known);
}

void
undo_restore(struct machine *machine)
{
    struct heap *heap = machine->heap;
    struct shadow *shadow = machine->shadow;
    uint64_t reached = heap->used;
    if (shadow == NULL) {
        copy_used((const struct heap *)(const void *)whole.data, (uint8_t *)heap, whole.data);
        if (reached > heap->used)
            memset((uint8_t *)heap + heap->used, 0, reached - heap->used);
    } else if (!dirty_list((uint8_t *)heap, reached, restore_pages, shadow)) {
        uint64_t used = saved_size(shadow->data);
        restore_pages(shadow, (uint8_t *)heap, reached > used ? reached : used);
    }
}
