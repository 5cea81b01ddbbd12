/* A string under construction, in the arena: it may grow to the memory limit. It takes one slot
 * of the stack. */
#ifndef VAT_LIBRARY_TEXT_H
#define VAT_LIBRARY_TEXT_H

#include "vat/machine/lua.h"

struct text {
    lua_State *L;
    char *data;
    size_t size, capacity;
    int slot;
    char first[512];
};

void text_open(struct text *text, lua_State *L);
char *text_reserve(struct text *text, size_t more); /* the caller adds to size */
void text_add(struct text *text, const char *data, size_t size);
void text_push(struct text *text); /* the finished string */

#endif
