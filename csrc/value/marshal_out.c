#include "value/marshal_out.h"

#include "base/hash.h"
#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FEW_SLOTS 16 /* found by looking at each; more are found by a hash */
#define INDEX_MIN 64

void
marshal_out_clear(struct marshal_out *out)
{
    buf_clear(&out->body);
    out->slots.count = 0;
}

/* Where the word is in the index, or would be. */
static size_t
index_place(const struct marshal_out *out, uint64_t word)
{
    assert(out->index_size >= INDEX_MIN && (out->index_size & (out->index_size - 1)) == 0);
    size_t at = hash_number(word) & (out->index_size - 1);
    while (out->index[at] != 0 && out->slots.items[out->index[at] - 1].vref.word != word)
        at = (at + 1) & (out->index_size - 1);
    return at;
}

static void
index_put(struct marshal_out *out, size_t slot)
{
    size_t place = index_place(out, out->slots.items[slot].vref.word);
    assert(out->index[place] == 0);
    out->index[place] = (uint32_t)slot + 1;
}

/* With all slots, at most half full with the next one. */
static void
index_build(struct marshal_out *out)
{
    size_t size = INDEX_MIN;
    while (size < (out->slots.count + 1) * 2)
        size *= 2;
    if (size > out->index_size) {
        out->index = memory_resize(out->index, size * sizeof *out->index);
        out->index_size = size;
    }
    memset(out->index, 0, out->index_size * sizeof *out->index);
    for (size_t i = 0; i < out->slots.count; i++)
        index_put(out, i);
}

size_t
marshal_out_find(const struct marshal_out *out, uint64_t word)
{
    if (out->slots.count > FEW_SLOTS) {
        assert(out->slots.count * 2 <= out->index_size);
        return (size_t)out->index[index_place(out, word)] - 1;
    }
    for (size_t i = 0; i < out->slots.count; i++) {
        if (out->slots.items[i].vref.word == word)
            return i;
    }
    return MARSHAL_OUT_NONE;
}

size_t
marshal_out_add(struct marshal_out *out, uint64_t word, struct bytes interface)
{
    assert(marshal_out_find(out, word) == MARSHAL_OUT_NONE);
    struct slot slot = {.vref = {word}, .interface = interface};
    list_push(&out->slots, slot);
    size_t count = out->slots.count;
    if (count == FEW_SLOTS + 1 || (count > FEW_SLOTS && (count + 1) * 2 > out->index_size))
        index_build(out);
    else if (count > FEW_SLOTS)
        index_put(out, count - 1);
    return count - 1;
}

size_t
marshal_out_memory(const struct marshal_out *out)
{
    return out->body.capacity + list_memory(&out->slots) + out->index_size * sizeof *out->index;
}

void
marshal_out_free(struct marshal_out *out)
{
    buf_free(&out->body);
    list_free(&out->slots);
    free(out->index);
    *out = (struct marshal_out){0};
}
