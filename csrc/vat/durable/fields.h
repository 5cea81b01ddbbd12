/* The state of an instance: a list of three items for each field, sorted by name: the name, the
 * value as a body in bytes, and how many of the row's slots are the value's. Slots are in the
 * fields' order.
 *
 * Nothing is read but what is asked for; a value that is written replaces its bytes alone. */
#ifndef VAT_DURABLE_FIELDS_H
#define VAT_DURABLE_FIELDS_H

#include "base/message.h"
#include "vat/machine/lua.h"

struct vat;

/* Where a field is in a state, or belongs. */
struct field {
    uint64_t count;            /* of fields */
    struct bytes fields;       /* behind the list's head */
    size_t begin, end;         /* of the field in them; end == begin when there is none */
    size_t slots, slots_count; /* its slots in the row's: where, and how many bytes */
    struct bytes value;
};

struct field fields_find(const struct entry_value *state, struct bytes name);
/* Writes the state with the value that durable_encode left, or without the field, into state and
   slots, which the old one does not lie in. Between outside_begin and outside_end. */
void fields_replace(struct vat *vat, const struct entry_value *old, struct bytes name,
    bool has_value, struct buf *state, struct buf *slots);

/* The name of a field that may be written, at index; raises when it is none. methods is the stack
   index of the methods' table. */
struct bytes fields_check_name(lua_State *L, const char *interface, int index, int methods);
/* Raises when the state in the making, which is one stored value, is too large. */
void fields_check_size(lua_State *L, const char *interface);

#endif
