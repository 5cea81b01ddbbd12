/* CBOR (RFC 8949), deterministically encoded (section 4.2): what values are as bytes.
 *
 * A body is always an array: a message's arguments, a promise's values, or one reason. In it,
 *   CBOR_TAG_OBJECT   [slot index, interface]   stands for a remotable or presence
 *   CBOR_TAG_PROMISE  slot index                stands for a promise
 *   CBOR_TAG_ERROR    {name, message, ...}      is an error value
 * Integers and floats stay apart: 3 is an integer, 3.0 the shortest float that is exact. Strings
 * are text where they are UTF-8 and bytes where not. A table with the keys 1..n is an array, any
 * other a map whose entries are sorted by their keys' encoded bytes. */
#ifndef BASE_CBOR_H
#define BASE_CBOR_H

#include "base/buf.h"
#include "base/read.h"

#define CBOR_TAG_OBJECT 55800
#define CBOR_TAG_PROMISE 55801
#define CBOR_TAG_ERROR 55802
#define CBOR_DEPTH_MAX 200 /* tables in tables */

enum cbor_major {
    CBOR_UNSIGNED,
    CBOR_NEGATIVE,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_SIMPLE,
};

void cbor_head(struct buf *buf, enum cbor_major major, uint64_t number);
void cbor_integer(struct buf *buf, int64_t integer);
void cbor_float(struct buf *buf, double value);
void cbor_string(struct buf *buf, struct bytes string);
void cbor_boolean(struct buf *buf, bool value);
void cbor_nil(struct buf *buf);
/* A body with one error value of these fields; incarnation is left out when negative. */
void cbor_error(struct buf *buf, const char *name, const char *message, int64_t incarnation);

enum cbor_type {
    CBOR_IS_NIL,
    CBOR_IS_BOOLEAN,
    CBOR_IS_INTEGER,
    CBOR_IS_FLOAT,
    CBOR_IS_STRING, /* text or bytes */
    CBOR_IS_ARRAY,  /* count items follow */
    CBOR_IS_MAP,    /* count keys and values follow */
    CBOR_IS_TAG,    /* one item follows */
    CBOR_IS_BAD,    /* malformed, or nothing that a body may hold */
};

struct cbor_item {
    enum cbor_type type;
    bool boolean;
    int64_t integer;
    double number;
    struct bytes string; /* borrowed */
    uint64_t count;      /* of an array or map; the number of a tag */
};

/* The next item's head, with its contents where it is no container. Counts are checked to fit in
   what is left, so that a reader may allocate for them. */
struct cbor_item cbor_next(struct reader *reader);
/* Skips one whole item; false when it is bad or nested deeper than CBOR_DEPTH_MAX. */
bool cbor_skip(struct reader *reader);
/* True when the body is exactly one object: then its slot's index is in *index. */
bool cbor_single_object(struct bytes body, uint64_t *index);

#endif
