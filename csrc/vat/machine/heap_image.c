#include "vat/machine/heap_image.h"

#include "vat/machine/pages.h"

#include <assert.h>
#include <elf.h>
#include <string.h>

#define IMAGE_MAGIC UINT64_C(0x6d6f6f6e696d6731)
#define NOTE_BUILD_ID 3
#define HEAD_SIZE (sizeof(struct heap))

/* The start of this shared object, from the linker. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

struct image_head {
    uint64_t magic;
    uint8_t build[HEAP_IMAGE_BUILD_SIZE];
    uint32_t unused; /* 0 */
    uint64_t base;
    uint64_t reserve;
};

/* The build id lies in one of the notes, each a header, a name and a value. */
static const uint8_t *
find_build(const char *notes, size_t size)
{
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= size;) {
        Elf64_Nhdr note;
        memcpy(&note, notes + at, sizeof note);
        size_t value = at + sizeof note + (note.n_namesz + 3u) / 4 * 4;
        if (note.n_type == NOTE_BUILD_ID && note.n_descsz == HEAP_IMAGE_BUILD_SIZE)
            return (const uint8_t *)notes + value;
        at = value + (note.n_descsz + 3u) / 4 * 4;
    }
    return NULL;
}

struct bytes
heap_image_build(void)
{
    static const uint8_t unknown[HEAP_IMAGE_BUILD_SIZE];
    Elf64_Ehdr elf;
    memcpy(&elf, __ehdr_start, sizeof elf);
    for (size_t i = 0; i < elf.e_phnum; i++) {
        Elf64_Phdr part;
        memcpy(&part, __ehdr_start + elf.e_phoff + i * elf.e_phentsize, sizeof part);
        if (part.p_type != PT_NOTE)
            continue;
        /* notes are in the first segment, where offsets in the file are distances in memory */
        const uint8_t *build = find_build(__ehdr_start + part.p_offset, part.p_filesz);
        if (build != NULL)
            return (struct bytes){build, HEAP_IMAGE_BUILD_SIZE};
    }
    return (struct bytes){unknown, HEAP_IMAGE_BUILD_SIZE};
}

/* Saving */

void
heap_image_save(const struct heap *heap, struct buf *image)
{
    struct image_head head = {
        .magic = IMAGE_MAGIC, .base = (uintptr_t)heap, .reserve = heap->own.reserve};
    memcpy(head.build, heap_image_build().data, HEAP_IMAGE_BUILD_SIZE);
    buf_reserve(image, sizeof head + heap_in_use(heap));
    buf_append(image, &head, sizeof head);
    assert(heap_is_sound(heap));
    size_t start = image->size;
    struct pages_part part = {0};
    while (pages_next_part(heap, &part))
        buf_append(image, (const uint8_t *)heap + part.start, part.end - part.start);
    assert(image->size - start == heap_in_use(heap));
    memset(image->data + start + offsetof(struct heap, vat), 0, sizeof heap->vat);
}

/* Loading */

/* Whether the allocator's state in the image describes an image of this size. */
static bool
is_whole(const struct heap *heap, const struct image_head *head, size_t size)
{
    if (!heap_is_sound(heap) || heap->own.reserve != head->reserve)
        return false;
    return heap_in_use(heap) == size;
}

/* The pages behind the header, which is in place. Gives where they end in the image. */
static const uint8_t *
fill_pages(struct heap *heap, const uint8_t *pages)
{
    struct pages_part part = {0};
    while (pages_next_part(heap, &part)) {
        uint64_t start = part.start == 0 ? HEAD_SIZE : part.start;
        memcpy((uint8_t *)heap + start, pages + (start - part.start), part.end - start);
        pages += part.end - part.start;
    }
    return pages;
}

struct heap *
heap_image_open(struct bytes image, const char **reason)
{
    struct image_head head;
    *reason = "the image is damaged";
    if (image.size < sizeof head + HEAD_SIZE)
        return NULL;
    memcpy(&head, image.data, sizeof head);
    const uint8_t *pages = image.data + sizeof head;
    if (head.magic != IMAGE_MAGIC)
        return NULL;
    if (memcmp(head.build, heap_image_build().data, HEAP_IMAGE_BUILD_SIZE) != 0) {
        *reason = "the image is of another build of the vat layer";
        return NULL;
    }
    struct heap *heap = heap_open_at(head.base, head.reserve);
    if (heap == NULL) {
        *reason = "the image's place in memory is taken";
        return NULL;
    }
    memcpy(heap, pages, HEAD_SIZE);
    if (is_whole(heap, &head, image.size - sizeof head)) {
        pages = fill_pages(heap, pages);
        assert(pages == image.data + image.size);
        return heap;
    }
    *reason = "the image is damaged";
    heap->own.reserve = head.reserve;
    heap_close(heap);
    return NULL;
}
