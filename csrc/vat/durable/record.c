#include "vat/durable/record.h"

#include "base/cbor.h"
#include "base/read.h"
#include "vat/durable/store.h"
#include "vat/internal.h"
#include "vat/machine/outside.h"

#include <assert.h>

#define RECORD_MAX 24 /* bytes */

struct record
record_read(const struct entry_value *value)
{
    struct record record = {.present = value->present};
    struct reader reader = reader_of(value->body);
    cbor_next(&reader);
    record.first = (uint64_t)cbor_next(&reader).integer;
    record.second = (uint64_t)cbor_next(&reader).integer;
    return record;
}

struct record
record_get(struct vat *vat, const struct durable_key *key)
{
    outside_begin();
    struct entry_value value = store_get(vat->durable, key_view(key));
    outside_end();
    if (!value.present)
        return (struct record){0};
    return record_read(&value);
}

void
record_set(struct vat *vat, const struct durable_key *key, uint64_t first, uint64_t second)
{
    uint8_t bytes[RECORD_MAX];
    struct buf body = {.data = bytes, .capacity = sizeof bytes};
    cbor_head(&body, CBOR_ARRAY, 2);
    cbor_head(&body, CBOR_UNSIGNED, first);
    cbor_head(&body, CBOR_UNSIGNED, second);
    assert(body.data == bytes);
    outside_begin();
    store_set(vat->durable, key_view(key), buf_view(&body), (struct bytes){NULL, 0});
    outside_end();
}

void
record_delete(struct vat *vat, const struct durable_key *key)
{
    outside_begin();
    store_delete(vat->durable, key_view(key));
    outside_end();
}

uint64_t
record_next(struct vat *vat, const struct durable_key *counter)
{
    uint64_t number = record_get(vat, counter).first + 1;
    record_set(vat, counter, number, 0);
    return number;
}
