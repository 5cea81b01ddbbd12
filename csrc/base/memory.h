/* Memory that never fails. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include "base/bytes.h"

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
