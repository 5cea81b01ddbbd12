#include "state/blob.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct blob *
blob_new(struct bytes body, const struct kref *slots, size_t slot_count)
{
    size_t slots_size = slot_count * sizeof *slots;
    struct blob *blob = memory_new(sizeof *blob + slots_size + body.size);
    blob->holders = 1;
    blob->slot_count = (uint32_t)slot_count;
    blob->size = body.size;
    blob->body = (uint8_t *)blob + sizeof *blob + slots_size;
    if (slot_count > 0)
        memcpy(blob->slots, slots, slots_size);
    if (body.size > 0)
        memcpy(blob->body, body.data, body.size);
    return blob;
}

struct blob *
blob_empty(void)
{
    return blob_new((struct bytes){NULL, 0}, NULL, 0);
}

struct blob *
blob_string(struct bytes text)
{
    uint8_t *copy = memory_copy(text);
    struct blob *blob = blob_new((struct bytes){copy, text.size + 1}, NULL, 0);
    free(copy);
    return blob;
}

struct blob *
blob_hold(struct blob *blob)
{
    assert(blob == NULL || (blob->holders > 0 && blob->holders < UINT32_MAX));
    if (blob != NULL)
        blob->holders++;
    return blob;
}

void
blob_drop(struct blob *blob)
{
    assert(blob == NULL || blob->holders > 0);
    if (blob != NULL && --blob->holders == 0)
        free(blob);
}

struct bytes
blob_bytes(const struct blob *blob)
{
    return blob == NULL ? (struct bytes){NULL, 0} : (struct bytes){blob->body, blob->size};
}

void
blob_print_slots(const struct blob *blob, struct buf *text)
{
    char name[REF_TEXT_MAX];
    for (size_t i = 0; blob != NULL && i < blob->slot_count; i++) {
        if (i > 0)
            buf_byte(text, ' ');
        buf_text(text, kref_print(blob->slots[i], name));
    }
}

struct blob *
blob_parse(struct bytes body, struct bytes slots)
{
    struct kref *krefs = memory_new((slots.size / 2 + 1) * sizeof *krefs);
    size_t count = 0;
    bool good = true;
    for (size_t at = 0; good && at < slots.size;) {
        const uint8_t *word = slots.data + at;
        const uint8_t *space = memchr(word, ' ', slots.size - at);
        size_t length = space == NULL ? slots.size - at : (size_t)(space - word);
        krefs[count] = kref_parse((struct bytes){word, length});
        good = !kref_is_none(krefs[count]);
        count++;
        at += length + 1;
    }
    struct blob *blob = good ? blob_new(body, krefs, count) : NULL;
    free(krefs);
    return blob;
}
