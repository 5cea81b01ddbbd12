#include "state/image.h"

#include "state/internal.h"
#include "store/query.h"

void
image_store(struct state *state, const struct image *image)
{
    db_begin(state->db);
    db_run(state->db, STATEMENT_IMAGE_SET, (int64_t)image->vat, image->incarnation, image->position,
        image->build, (int64_t)image->base, image->length, image->hash, image->bytes);
}

bool
image_load(struct state *state, uint64_t vat, struct image *image, struct buf *storage)
{
    struct query *query = db_query(state->db, STATEMENT_IMAGE, (int64_t)vat);
    bool found = query_next(query);
    buf_clear(storage);
    if (found) {
        *image = (struct image){.vat = vat,
            .incarnation = query_integer(query, 0),
            .position = query_integer(query, 1),
            .base = (uint64_t)query_integer(query, 2),
            .length = query_integer(query, 3)};
        struct bytes *parts[] = {&image->build, &image->hash, &image->bytes};
        for (int i = 0; i < 3; i++) {
            struct bytes part = query_bytes(query, 4 + i);
            parts[i]->size = part.size;
            buf_append(storage, part.data, part.size);
        }
        const uint8_t *at = storage->data;
        for (int i = 0; i < 3; i++) {
            parts[i]->data = at;
            at += parts[i]->size;
        }
    }
    query_end(query);
    return found;
}

void
image_delete(struct state *state, uint64_t vat)
{
    db_begin(state->db);
    db_run(state->db, STATEMENT_IMAGE_ERASE, (int64_t)vat);
}
