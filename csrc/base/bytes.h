/* A run of bytes that somebody else owns. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes. Who lends them says until when; data may be NULL when size is 0. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

/* The bytes of a C string, without its NUL. */
struct bytes bytes_of(const char *text);

bool bytes_equal(struct bytes a, struct bytes b);

/* Byte order, shorter first among equals: <0, 0 or >0. */
int bytes_compare(struct bytes a, struct bytes b);

#endif
