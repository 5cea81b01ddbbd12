#include "vat/machine/undo.h"

#include "base/memory.h"
#include "vat/machine/dirty.h"
#include "vat/machine/heap_trim.h"
#include "vat/machine/pages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE HEAP_PAGE
#define SHADOW_MIN (160u * 1024) /* bytes in use from which asking Linux beats copying */
#define WATCH_COST 8             /* of a watched page's first write, in copies of a page */
#define SAVES_MAX 256            /* without watching anew */
#define CHECKED_MAX (1u << 20)   /* bytes of a heap that an assertion compares with its shadow */

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
    const struct heap *heap; /* that it was copied from last */
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
    machine->saved = false;
    munmap(shadow->data, shadow->size);
    free(shadow);
}

/* NULL when Linux does not say which pages were written. */
static struct shadow *
make_shadow(struct machine *machine)
{
    struct heap *heap = machine->heap;
    size_t size = heap->own.reserve;
    assert(machine->shadow == NULL && heap->used <= size);
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
    assert(pages >= (uint8_t *)shadow->heap);
    assert(pages + size <= (uint8_t *)shadow->heap + shadow->heap->used);
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

/* Watching anew makes each page's next write dear; going on means to copy pages again that nobody
 * writes now. It is begun anew when the second has cost as much as the first will. */
static bool
refresh(struct shadow *shadow, dirty_visit *visit)
{
    struct heap *heap = shadow->heap;
    assert(shadow->size == heap->own.reserve && shadow->saves <= SAVES_MAX);
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

/* For assertions: of a small heap, whether each byte in use is in the shadow. */
static inline bool
is_copy(const struct shadow *shadow)
{
    const uint8_t *heap = (const uint8_t *)shadow->heap;
    return shadow->heap->used > CHECKED_MAX || pages_equal(shadow->heap, shadow->data, heap);
}

/* Up to date with the heap; NULL when it should have none. */
static struct shadow *
fresh_shadow(struct machine *machine)
{
    static bool refused;
    struct heap *heap = machine->heap;
    struct shadow *shadow = machine->shadow;
    assert(shadow == NULL || shadow->heap == heap);
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
        pages_copy(heap, shadow->data, (const uint8_t *)heap);
        visit = skip_pages;
    }
    if (refresh(shadow, visit)) {
        assert(is_copy(shadow)); /* no written page was missed */
        return shadow;
    }
    undo_forget(machine);
    refused = true;
    return NULL;
}

void
undo_save(struct machine *machine)
{
    struct heap *heap = machine->heap;
    assert(heap_is_sound(heap));
    bool shadowed = fresh_shadow(machine) != NULL;
    machine->saved = true;
    if (shadowed)
        return;
    if (whole.capacity < heap->used) {
        free(whole.data);
        whole.capacity = heap->used + heap->used / 2;
        whole.data = memory_new(whole.capacity);
    }
    pages_copy(heap, whole.data, (const uint8_t *)heap);
    whole.heap = heap;
}

void
undo_write_all(struct machine *machine)
{
    struct shadow *shadow = machine->shadow;
    assert(machine->saved); /* else what is written now would be what undo_restore puts back */
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
    machine->saved = false;
    pages_release(heap, (uint8_t *)heap);
    if (shadow != NULL && heap_in_use(heap) < SHADOW_MIN)
        undo_forget(machine);
    else if (shadow != NULL)
        pages_release(heap, shadow->data);
}

void
undo_release_shared(void)
{
    free(whole.data);
    whole.heap = NULL;
    whole.data = NULL;
    whole.capacity = 0;
    heap_trim_release();
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
    assert(used <= shadow->size && at + size <= shadow->size);
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
    assert(machine->saved && reached <= heap->own.reserve);
    machine->saved = false;
    if (shadow == NULL) {
        assert(whole.heap == heap);
        pages_copy((const struct heap *)(const void *)whole.data, (uint8_t *)heap, whole.data);
        if (reached > heap->used)
            memset((uint8_t *)heap + heap->used, 0, reached - heap->used);
    } else if (!dirty_list((uint8_t *)heap, reached, restore_pages, shadow)) {
        uint64_t used = saved_size(shadow->data);
        restore_pages(shadow, (uint8_t *)heap, reached > used ? reached : used);
    }
    assert(heap_is_sound(heap));
    assert(shadow == NULL || is_copy(shadow));
}
