/* A growing run of bytes, and a reader over a finished one.
 *
 * What kernel and vat say to each other is written with buf_* and read with read_*: one byte,
 * an unsigned LEB128 number, a double (little-endian), or bytes behind their length. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/bytes.h"

struct buf {
    uint8_t *data; /* owned; NULL while nothing was added */
    size_t size;
    size_t capacity;
};

/* Makes room for more bytes and returns where they go; the caller adds to size itself. */
uint8_t *buf_reserve(struct buf *buf, size_t more);
void buf_append(struct buf *buf, const void *data, size_t size);
void buf_byte(struct buf *buf, unsigned byte);
void buf_number(struct buf *buf, uint64_t number);
void buf_double(struct buf *buf, double value);
void buf_bytes(struct buf *buf, struct bytes bytes);
void buf_text(struct buf *buf, const char *text); /* appends the characters alone */
void buf_format(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What the buffer holds; valid until it is changed. */
struct bytes buf_view(const struct buf *buf);
/* A NUL-terminated view; valid until the buffer is changed. */
const char *buf_string(struct buf *buf);
/* Empties it and keeps the memory. */
void buf_clear(struct buf *buf);
/* Empties it and gives the memory back. Legal on an empty one. */
void buf_free(struct buf *buf);

#endif
