/* Hashes of bytes and numbers. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/bytes.h"

/* A hash for tables, and for telling whether bytes are the same as before: transcripts keep it, so
   it stays as it is. No protection against who wants two to be alike. */
uint64_t hash_bytes(struct bytes bytes);

/* Mixes a number into a hash. */
uint64_t hash_number(uint64_t number);

#endif
