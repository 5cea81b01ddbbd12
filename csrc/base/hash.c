#include "base/hash.h"

#include <string.h>

uint64_t
hash_number(uint64_t number)
{
    number ^= number >> 32;
    number *= UINT64_C(0xd6e8feb86659fd93);
    number ^= number >> 32;
    number *= UINT64_C(0xd6e8feb86659fd93);
    return number ^ (number >> 32);
}

uint64_t
hash_bytes(struct bytes bytes)
{
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15) ^ bytes.size;
    size_t i = 0;
    for (; i + 8 <= bytes.size; i += 8) {
        uint64_t word;
        memcpy(&word, bytes.data + i, 8);
        hash = hash_number(hash ^ word);
    }
    uint64_t tail = 0;
    for (unsigned shift = 0; i < bytes.size; i++, shift += 8)
        tail |= (uint64_t)bytes.data[i] << shift;
    return hash_number(hash ^ tail);
}
