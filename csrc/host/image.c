/* Images of heaps in the database: when one is saved, and whether one can be used.
 *
 * A vat's image is due at a count of its deliveries and saved with the block that reaches it, at
 * the block's end, where its transcript begins a new row. Saving reads the heap and changes
 * nothing of it. An image that cannot be used costs a replay and a line in the log. */
#include "state/image.h"
#include "base/memory.h"
#include "host/internal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

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

/* What must match a delivery later: transcripts count positions; without one, all deliveries. */
static int64_t
position_of(const struct vat_record *record)
{
    return record->settings.transcript ? record->position : record->deliveries;
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
    const struct vat_record *record = vat_record_get(kernel_state(host->kernel), online->number);
    hash_text(bytes, hash);
    struct image image = {
        .vat = online->number,
        .incarnation = record->incarnation,
        .position = position_of(record),
        .build = bytes_of(build_text()),
        .base = vat_base(online->vat),
        .length = (int64_t)length,
        .hash = bytes_of(hash),
        .bytes = bytes,
    };
    image_store(kernel_state(host->kernel), &image);
}

void
host_save_image(struct host *host, struct online *online)
{
    struct state *state = kernel_state(host->kernel);
    if (!state_in_crank(state))
        state_flush(state); /* so that its transcript begins a new row */
    struct buf heap = {0}, bytes = {0};
    vat_save(online->vat, &heap);
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
host_count_delivery(struct host *host, struct online *online)
{
    online->since++;
    if (online->is_due || !is_due(online))
        return;
    online->is_due = true;
    if (host->due_count == host->due_capacity) {
        host->due_capacity = host->due_capacity == 0 ? 16 : host->due_capacity * 2;
        host->due = memory_resize(host->due, host->due_capacity * sizeof *host->due);
    }
    host->due[host->due_count++] = online->number;
}

void
host_save_due(struct host *host)
{
    for (size_t i = 0; i < host->due_count; i++) {
        struct online *online = host_find_online(host, host->due[i]);
        if (online == NULL || !online->is_due)
            continue; /* paged out, ended or upgraded meanwhile */
        online->is_due = false;
        host_save_image(host, online);
    }
    host->due_count = 0;
}

/* Loading */

/* NULL when the row can be used, else why not. */
static const char *
check(const struct image *image, const struct vat_record *record)
{
    char hash[2 * HASH_SIZE + 1];
    if (!bytes_equal(image->build, bytes_of(build_text())))
        return "it is of another build of the vat layer";
    if (image->position < 0 || image->position > position_of(record) || image->length <= 0 ||
        image->length > LENGTH_MAX)
        return "its row makes no sense";
    hash_text(image->bytes, hash);
    if (!bytes_equal(image->hash, bytes_of(hash)))
        return "it is damaged: its bytes have another hash";
    return NULL;
}

static const char *
decompress(const struct image *image, struct buf *heap)
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
host_check_image(struct host *host, const struct vat_record *record)
{
    struct image image;
    struct buf storage = {0}, stored = {0}, heap = {0};
    const struct online *online = host_find_online(host, record->id);
    bool good = online != NULL &&
                image_load(kernel_state(host->kernel), record->id, &image, &storage) &&
                image.incarnation == record->incarnation && image.position == position_of(record) &&
                check(&image, record) == NULL && decompress(&image, &stored) == NULL;
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
open_heap(struct host *host, const struct vat_record *record, const struct image *image,
    struct bytes heap, const char **reason)
{
    struct stored_bundle bundle;
    if (!host_read_bundle(host, blob_bytes(record->bundle), &bundle)) {
        *reason = buf_string(&host->reason);
        return NULL;
    }
    struct vat_options options = host_vat_options(record->id, &record->settings);
    struct vat *vat = NULL;
    do
        vat = vat_open_image(&options, bundle.modules, bundle.count, heap, reason);
    while (vat == NULL && host_clear_range(host, image->base));
    host_free_bundle(&bundle);
    return vat;
}

void
host_log_fallback(struct host *host, uint64_t vat, const char *reason)
{
    struct buf *text = &host->unused;
    buf_clear(text);
    buf_format(text, "the image of its heap is not used: %s", reason);
    if (kernel_stopped(host->kernel) == NULL) /* else the store failed, and says so itself */
        host_log_add(host, LOG_NOTICE, vat, buf_view(text));
}

struct vat *
host_open_image(struct host *host, const struct vat_record *record, int64_t *position)
{
    struct image image;
    struct buf storage = {0}, heap = {0};
    struct vat *vat = NULL;
    buf_clear(&host->unused);
    if (image_load(kernel_state(host->kernel), record->id, &image, &storage) &&
        image.incarnation == record->incarnation) {
        const char *reason = check(&image, record);
        if (reason == NULL)
            reason = decompress(&image, &heap);
        if (reason == NULL)
            vat = open_heap(host, record, &image, buf_view(&heap), &reason);
        if (vat == NULL)
            host_log_fallback(host, record->id, reason);
        *position = image.position;
    }
    buf_free(&storage);
    buf_free(&heap);
    return vat;
}
