/* What the vat's library keeps in SPACE_DURABLE, and who names whom there: key.h has the rows.
 *
 * A row's slots are the words that its values name. Each import and instance among them has a
 * record of how many slots name it; promises and the root are not counted. */
#ifndef VAT_DURABLE_DURABLE_H
#define VAT_DURABLE_DURABLE_H

#include "vat/durable/key.h"
#include "vat/machine/lua.h"

struct vat;

/* How far the kernel knows an instance. */
enum export { EXPORT_NONE, EXPORT_RECOGNIZABLE, EXPORT_REACHABLE };

/* Rows with values. */
/* Raises when this delivery changes too much, with so many bytes more. */
void durable_check(lua_State *L, size_t size);
/* The values from the stack as a body in vat->run.out, and their slots as numbers in
   vat->scratch.slots. Raises when something cannot be stored. */
void durable_encode(lua_State *L, int index, int count, const char *root, bool numbered);
void durable_set(
    lua_State *L, const struct durable_key *key, struct bytes body, struct bytes slots);
void durable_remove(lua_State *L, const struct durable_key *key);
/* Pushes the values of a body; how many. */
int durable_push(lua_State *L, struct bytes body, struct bytes slots);
/* Pushes what a stored reference stands for. */
void durable_push_reference(lua_State *L, uint64_t word, struct bytes interface);
/* Before rows are read: what was read before may be forgotten. */
void durable_trim(lua_State *L);

/* Who is named. */
bool durable_is_named(struct vat *vat, uint64_t word);
enum export durable_export(struct vat *vat, uint64_t word);
void durable_set_export(lua_State *L, uint64_t word, enum export export);

#endif
