/* Bytes with references, shared and never changed: a message's arguments, a promise's value, a
 * name. Queue, promise and delivery hold the same blob; nobody copies it. */
#ifndef STATE_BLOB_H
#define STATE_BLOB_H

#include "base/buf.h"
#include "base/ref.h"

struct blob {
    uint32_t holders;
    uint32_t slot_count;
    size_t size;
    uint8_t *body; /* in the same allocation, behind the slots */
    struct kref slots[];
};

/* The caller is the first holder. */
struct blob *blob_new(struct bytes body, const struct kref *slots, size_t slot_count);
struct blob *blob_empty(void);                    /* no bytes, no slots */
struct blob *blob_string(struct bytes text);      /* with a NUL behind it: a C string */
struct blob *blob_hold(struct blob *blob);        /* NULL is legal, and returned */
void blob_drop(struct blob *blob);                /* frees it with its last holder; NULL is legal */
struct bytes blob_bytes(const struct blob *blob); /* empty for NULL */

/* The slots as "ko3 kp4", appended; and read back. False when malformed. */
void blob_print_slots(const struct blob *blob, struct buf *text);
struct blob *blob_parse(struct bytes body, struct bytes slots); /* NULL when malformed */

#endif
