/* The value of a row of a durable table: two strings of bytes in one block of memory. */
#ifndef VAT_DURABLE_STORED_H
#define VAT_DURABLE_STORED_H

#include "base/message.h"

struct stored_value {
    size_t body_size;
    size_t slots_size;
    size_t capacity;
    uint8_t data[]; /* the body, then the slots */
};

struct stored_value *stored_new(struct bytes body, struct bytes slots);
/* What fits: body and slots may lie in the value itself. */
void stored_set(struct stored_value *value, struct bytes body, struct bytes slots);
bool stored_fits(const struct stored_value *value, struct bytes body, struct bytes slots);
/* Of NULL, which no value is: not present. Lives as long as the value is left alone. */
struct entry_value stored_view(const struct stored_value *value);
bool stored_equal(const struct stored_value *a, const struct stored_value *b); /* NULL is legal */
size_t stored_size(const struct stored_value *value);   /* bytes of both; NULL is legal */
size_t stored_memory(const struct stored_value *value); /* bytes that it holds; NULL is legal */

#endif
