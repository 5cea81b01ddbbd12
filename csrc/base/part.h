/* What a struct owns, said once: how much memory that is, and giving it back, follow from it.
 *
 *     static const struct part parts[] = {
 *         PART_BUF(struct shop, text),
 *         PART_LIST(struct shop, orders),
 *         PART(struct shop, shelf, &shelf_kind),
 *         PART_END,
 *     };
 *     size = part_memory(parts, &shop);
 *     part_free(parts, &shop);
 *
 * A part is a member of the struct, not a pointer. What a buffer and an arena hold is of the work
 * that is over when they are trimmed; a list keeps what it holds. */
#ifndef BASE_PART_H
#define BASE_PART_H

#include "base/bytes.h"

#include <stddef.h>

struct part_kind {
    size_t (*memory)(const void *part, size_t item_size); /* bytes that it holds */
    void (*trim)(void *part);                             /* gives back what is not needed now */
    void (*free)(void *part);                             /* gives back all */
};

struct part {
    const struct part_kind *kind;
    size_t offset;
    size_t item_size; /* of a list */
};

extern const struct part_kind part_buf, part_arena, part_list;

#define PART(owner, member, kind)                                                                  \
    {                                                                                              \
        kind, offsetof(owner, member), 0                                                           \
    }
#define PART_BUF(owner, member) PART(owner, member, &part_buf)
#define PART_ARENA(owner, member) PART(owner, member, &part_arena)
#define PART_LIST(owner, member)                                                                   \
    {                                                                                              \
        &part_list, offsetof(owner, member), sizeof *((owner *)0)->member.items                    \
    }
#define PART_END                                                                                   \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

size_t part_memory(const struct part *parts, const void *owner);
void part_trim(const struct part *parts, void *owner);
void part_free(const struct part *parts, void *owner);

#endif
