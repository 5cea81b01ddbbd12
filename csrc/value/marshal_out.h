/* A body in the making, with its slots. */
#ifndef VALUE_MARSHAL_OUT_H
#define VALUE_MARSHAL_OUT_H

#include "base/buf.h"
#include "base/list.h"
#include "base/message.h"

/* Zeroed it is empty, and it is used again and again. */
struct marshal_out {
    struct buf body;
    struct slot_list LIST(struct slot) slots; /* no two of one word */
    uint32_t *index; /* slot by word; up to date when there are more than a few slots */
    size_t index_size;
};

#define MARSHAL_OUT_NONE SIZE_MAX

void marshal_out_clear(struct marshal_out *out);
/* The slot of this word, or MARSHAL_OUT_NONE. */
size_t marshal_out_find(const struct marshal_out *out, uint64_t word);
/* A new slot for a word that has none. Allocates. */
size_t marshal_out_add(struct marshal_out *out, uint64_t word, struct bytes interface);
size_t marshal_out_memory(const struct marshal_out *out); /* bytes that it holds */
void marshal_out_free(struct marshal_out *out);

#endif
