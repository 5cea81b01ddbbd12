/* The keys of a table that becomes a map, in the order of their encoded bytes.
 */
#ifndef VALUE_ENTRY_H
#define VALUE_ENTRY_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ordered by major, first, number, then text. */
struct entry {
    uint8_t major;   /* enum cbor_major */
    uint8_t first;   /* the first byte of a float or boolean */
    uint64_t number; /* in the head: of a string its size */
    double real;
    const char *text; /* of a string; the table keeps it */
};

/* Reads the key at index; false when it is of a type that no map has. */
bool entry_of(lua_State *L, int index, struct entry *entry);
/* Allocates nothing. */
void entry_sort(struct entry *entries, size_t count);

#endif
