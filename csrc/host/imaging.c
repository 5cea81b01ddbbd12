#include "host/imaging.h"

#include <assert.h>
#include <sodium.h>
#include <zstd.h>

#include "host/bring.h"
#include "host/log.h"
#include "host/modules.h"
#include "host/online.h"
#include "kernel/face/block.h"
#include "kernel/face/history.h"

#define LEVEL 1                     /* of compression: the fastest that compresses well */
#define LARGE ((uint64_t)128 << 10) /* bytes of heap that put an image off by a further interval */
#define LENGTH_MAX ((int64_t)1 << 32) /* bytes: no heap is larger */
#define HASH_SIZE 32

/* Texts */

static void
hash_text(struct bytes bytes, char *text)
{
    uint8_t hash[HASH_SIZE];
    crypto_generichash(hash, sizeof hash, bytes.data, bytes.size, NULL, 0);
    sodium_bin2hex(text, 2 * HASH_SIZE + 1, hash, sizeof hash);
}

static const char *
build_text(void)
{
    static char text[2 * VAT_BUILD_SIZE + 1];
    if (text[0] == 0)
        sodium_bin2hex(text, sizeof text, vat_build().data, VAT_BUILD_SIZE);
    return text;
}

/* Saving */

static bool
compress(struct host *host, struct bytes heap, struct buf *bytes)
{
    if (host->compressor == NULL)
        host->compressor = ZSTD_createCCtx();
    size_t room = ZSTD_compressBound(heap.size);
    uint8_t *to = buf_reserve(bytes, room);
    size_t size = host->compressor == NULL
                      ? 0
                      : ZSTD_compressCCtx(host->compressor, to, room, heap.data, heap.size, LEVEL);
    if (host->compressor == NULL || ZSTD_isError(size))
        return false;
    bytes->size += size;
    return true;
}

static void
store(struct host *host, const struct online *online, struct bytes bytes, size_t length)
{
    char hash[2 * HASH_SIZE + 1];
    hash_text(bytes, hash);
    struct stored_image image = {
        .build = bytes_of(build_text()),
        .base = vat_base(online->vat),
        .length = (int64_t)length,
        .hash = bytes_of(hash),
        .bytes = bytes,
    };
    assert(image.length > 0 && image.length <= LENGTH_MAX);
    kernel_store_image(host->kernel, online->number, &image);
}

void
imaging_save(struct host *host, struct online *online)
{
    struct buf heap = {0}, bytes = {0};
    assert(online_find(host, online->number) == online);
    vat_save(online->vat, &heap);
    assert(heap.size > 0);
    if (compress(host, buf_view(&heap), &bytes))
        store(host, online, buf_view(&bytes), heap.size);
    online->since = 0;
    buf_free(&heap);
    buf_free(&bytes);
}

/* Saving a heap costs a small part of the deliveries before it, however large it is. */
static bool
is_due(const struct online *online)
{
    if (online->interval == 0 || online->since < online->interval)
        return false;
    uint64_t intervals = 1 + vat_heap_used(online->vat) / LARGE;
    return (uint64_t)online->since / intervals >= (uint64_t)online->interval;
}

void
imaging_count(struct host *host, struct online *online)
{
    online->since++;
    if (online->is_due || !is_due(online))
        return;
    online->is_due = true;
    list_push(&host->due, online->number);
}

void
imaging_save_due(struct host *host)
{
    assert(host->due.count == 0 || !kernel_in_crank(host->kernel));
    for (size_t i = 0; i < host->due.count; i++) {
        struct online *online = online_find(host, host->due.items[i]);
        if (online == NULL || !online->is_due)
            continue; /* paged out, ended or upgraded meanwhile */
        assert(online->interval != 0);
        online->is_due = false;
        imaging_save(host, online);
    }
    host->due.count = 0;
}

/* Loading */

/* NULL when the row can be used, else why not. */
static const char *
check(struct kernel *kernel, uint64_t vat, const struct stored_image *image)
{
    char hash[2 * HASH_SIZE + 1];
    if (!bytes_equal(image->build, bytes_of(build_text())))
        return "it is of another build of the vat layer";
    if (image->position < 0 || image->position > kernel_position(kernel, vat) ||
        image->length <= 0 || image->length > LENGTH_MAX)
        return "its row makes no sense";
    hash_text(image->bytes, hash);
    if (!bytes_equal(image->hash, bytes_of(hash)))
        return "it is damaged: its bytes have another hash";
    return NULL;
}

static const char *
decompress(const struct stored_image *image, struct buf *heap)
{
    size_t length = (size_t)image->length;
    size_t size =
        ZSTD_decompress(buf_reserve(heap, length), length, image->bytes.data, image->bytes.size);
    if (ZSTD_isError(size) || size != length)
        return "it is damaged: its length is another";
    heap->size = size;
    return NULL;
}

bool
imaging_is_good(struct host *host, const struct vat_info *info)
{
    struct stored_image image;
    struct kernel *kernel = host->kernel;
    struct buf storage = {0}, stored = {0}, heap = {0};
    const struct online *online = online_find(host, info->id);
    bool good = online != NULL && kernel_load_image(kernel, info->id, &image, &storage) &&
                image.position == kernel_position(kernel, info->id) &&
                check(kernel, info->id, &image) == NULL && decompress(&image, &stored) == NULL;
    if (good) {
        vat_save(online->vat, &heap);
        good = bytes_equal(buf_view(&heap), buf_view(&stored));
    }
    buf_free(&storage);
    buf_free(&stored);
    buf_free(&heap);
    return good;
}

static struct vat *
open_heap(struct host *host, const struct vat_info *info, const struct stored_image *image,
    struct bytes heap, struct buf *why)
{
    struct stored_bundle bundle;
    if (!modules_read(host->kernel, info->bundle, &bundle, why))
        return NULL;
    struct vat_options options = bring_options(info->id, &info->settings);
    struct vat *vat = NULL;
    const char *reason;
    do
        vat = vat_open_image(&options, bundle.modules, bundle.count, heap, &reason);
    while (vat == NULL && online_clear_range(host, image->base));
    modules_free(&bundle);
    assert(vat != NULL || reason != NULL);
    if (vat == NULL)
        buf_text(why, reason);
    return vat;
}

void
imaging_not_used(struct host *host, uint64_t vat, const char *reason, struct buf *unused)
{
    buf_clear(unused);
    buf_format(unused, "the image of its heap is not used: %s", reason);
    if (kernel_stopped(host->kernel) == NULL) /* else the store failed, and says so itself */
        log_add(host, LOG_NOTICE, vat, buf_view(unused));
}

struct vat *
imaging_open(struct host *host, const struct vat_info *info, int64_t *position, struct buf *unused)
{
    struct stored_image image;
    struct buf storage = {0}, heap = {0}, why = {0};
    struct vat *vat = NULL;
    if (kernel_load_image(host->kernel, info->id, &image, &storage)) {
        const char *reason = check(host->kernel, info->id, &image);
        if (reason == NULL)
            reason = decompress(&image, &heap);
        if (reason != NULL)
            buf_text(&why, reason);
        else
            vat = open_heap(host, info, &image, buf_view(&heap), &why);
        if (vat == NULL)
            imaging_not_used(host, info->id, buf_string(&why), unused);
        *position = image.position;
    }
    buf_free(&storage);
    buf_free(&heap);
    buf_free(&why);
    return vat;
}
