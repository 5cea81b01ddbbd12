/* A run of bytes that somebody else owns, and memory that never fails. */
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

/* A hash for tables, and for telling whether bytes are the same as before: transcripts keep it, so
   it stays as it is. No protection against who wants two to be alike. */
uint64_t bytes_hash(struct bytes bytes);

/* Mixes a number into a hash. */
uint64_t hash_number(uint64_t number);

/* malloc, calloc and realloc that abort when memory is out: the callers have no other answer.
   Free what they return with free(). */
void *memory_new(size_t size);
void *memory_zero(size_t size);
void *memory_resize(void *memory, size_t size);
/* A copy with a NUL behind it. */
uint8_t *memory_copy(struct bytes bytes);
/* A copy of a C string; NULL gives NULL. */
char *memory_text(const char *text);

#endif
