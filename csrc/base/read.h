/* Reads forwards what buf.h wrote: a byte, a number, a double, or bytes behind their length. */
#ifndef BASE_READ_H
#define BASE_READ_H

#include "base/bytes.h"

/* Reads forwards. After the first read past the end, or of a malformed number, bad stays true
   and every read gives zero or nothing: look once, at the end. */
struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

struct reader reader_of(struct bytes bytes);
bool read_more(const struct reader *reader); /* something is left, and nothing was bad */
unsigned read_byte(struct reader *reader);
uint64_t read_number(struct reader *reader);
double read_double(struct reader *reader);
struct bytes read_bytes(struct reader *reader); /* borrowed from what is read */
/* A count of items that take at least one byte each; more than could follow is bad. */
size_t read_count(struct reader *reader);

#endif
