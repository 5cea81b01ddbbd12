#include "vat/durable/stored.h"

#include "base/memory.h"

#include <assert.h>
#include <string.h>

struct stored_value *
stored_new(struct bytes body, struct bytes slots)
{
    size_t size = body.size + slots.size;
    struct stored_value *value = memory_new(sizeof *value + size);
    value->capacity = size;
    stored_set(value, body, slots);
    return value;
}

void
stored_set(struct stored_value *value, struct bytes body, struct bytes slots)
{
    assert(stored_fits(value, body, slots));
    value->body_size = body.size;
    value->slots_size = slots.size;
    if (body.size > 0)
        memmove(value->data, body.data, body.size);
    if (slots.size > 0)
        memmove(value->data + body.size, slots.data, slots.size);
}

bool
stored_fits(const struct stored_value *value, struct bytes body, struct bytes slots)
{
    return value->capacity >= body.size + slots.size;
}

struct entry_value
stored_view(const struct stored_value *value)
{
    if (value == NULL)
        return (struct entry_value){0};
    return (struct entry_value){.present = true,
        .body = {value->data, value->body_size},
        .slots = {value->data + value->body_size, value->slots_size}};
}

bool
stored_equal(const struct stored_value *a, const struct stored_value *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->body_size == b->body_size && a->slots_size == b->slots_size &&
           memcmp(a->data, b->data, a->body_size + a->slots_size) == 0;
}

size_t
stored_size(const struct stored_value *value)
{
    return value == NULL ? 0 : value->body_size + value->slots_size;
}

size_t
stored_memory(const struct stored_value *value)
{
    return value == NULL ? 0 : sizeof *value + value->capacity;
}
