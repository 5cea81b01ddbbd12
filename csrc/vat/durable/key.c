#include "vat/durable/key.h"

#include <assert.h>

void
key_open(struct durable_key *key, const char *prefix)
{
    key->size = 0;
    key_add(key, (struct bytes){(const uint8_t *)prefix, strlen(prefix)});
}

void
key_add_byte(struct durable_key *key, char byte)
{
    assert(key->size < sizeof key->data);
    key->data[key->size++] = (uint8_t)byte;
}

void
key_add_number(struct durable_key *key, uint64_t number)
{
    assert(key->size + 8 <= sizeof key->data);
    for (int i = 0; i < 8; i++)
        key->data[key->size++] = (uint8_t)(number >> (8 * (7 - i)));
}

void
key_add(struct durable_key *key, struct bytes bytes)
{
    assert(bytes.size <= sizeof key->data - key->size);
    if (bytes.size > 0)
        memcpy(key->data + key->size, bytes.data, bytes.size);
    key->size += bytes.size;
}

void
key_add_string(struct durable_key *key, lua_State *L, int index)
{
    struct bytes text;
    text.data = (const uint8_t *)lua_tolstring(L, index, &text.size);
    key_add(key, text);
}

struct durable_key
key_of(const char *prefix, uint64_t number)
{
    struct durable_key key;
    key_open(&key, prefix);
    key_add_number(&key, number);
    return key;
}

struct bytes
key_view(const struct durable_key *key)
{
    return (struct bytes){key->data, key->size};
}

uint64_t
key_number(struct bytes key, size_t at)
{
    uint64_t number = 0;
    for (size_t i = at; i < at + 8 && i < key.size; i++)
        number = number << 8 | key.data[i];
    return number;
}

bool
key_has_prefix(struct bytes key, const struct durable_key *prefix)
{
    return key.size >= prefix->size && memcmp(key.data, prefix->data, prefix->size) == 0;
}
