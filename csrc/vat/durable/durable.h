/* What the vat's library keeps in SPACE_DURABLE, and who names whom there.
 *
 * Keys; <n> is a number of eight bytes, big-endian, and <vref> one that is a vref's word:
 *   i<n> s<bytes>         the baggage: integers, with their sign bit flipped, and strings
 *   tc<name>              a counter: the last number given out
 *   tk<name>              a kind that was used: its number
 *   tn<name>              a collection: its number, and 1 when it is a set
 *   te<n>i<n> te<n>s<bytes> te<n>v<vref>
 *                         an entry of collection <n>; the body has the value, and for a reference
 *                         as key its interface, the slots end with the key
 *   to<vref>              an instance's state: for each field, sorted by name, the name, the value
 *                         as a body in bytes, and how many of the row's slots are the value's
 *   tw<vref><n>           a watch of a promise: the body has the extra arguments, the target and
 *                         the method, the slots end with the promise
 *   tr<vref>              an import or instance: how many slots of rows name it, and how far the
 *                         kernel knows the instance (enum export)
 *   tu<vref>              an instance that no row names and nobody outside reaches: it lives as
 *                         long as the heap holds it
 * All but te, to and tw have two integers as body. */
#ifndef VAT_DURABLE_DURABLE_H
#define VAT_DURABLE_DURABLE_H

#include "vat/durable/store.h"
#include "vat/internal.h"
#include "vat/machine/limit.h"
#include "vat/machine/outside.h"
#include "vat/machine/sandbox.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/noun.h"
#include "vat/noun/registry.h"
#include "vat/noun/remotable.h"
#include "vat/noun/words.h"

#define DURABLE_NAME_MAX 1024 /* bytes of a key, or of a name of a field or collection */

struct durable_key {
    size_t size;
    uint8_t data[DURABLE_NAME_MAX + 32];
};

enum export { EXPORT_NONE, EXPORT_RECOGNIZABLE, EXPORT_REACHABLE };

/* Keys */
void key_open(struct durable_key *key, const char *prefix);
void key_add_number(struct durable_key *key, uint64_t number);
void key_add(struct durable_key *key, struct bytes bytes); /* which fit */
void key_add_string(struct durable_key *key, lua_State *L, int index);
struct bytes key_view(const struct durable_key *key);
uint64_t key_number(struct bytes key, size_t at);
bool key_has_prefix(struct bytes key, const struct durable_key *prefix);

/* Rows of two integers */
struct record {
    bool present;
    uint64_t first, second;
};
struct record record_read(const struct entry_value *value);
struct record record_get(struct vat *vat, const struct durable_key *key);
void record_set(struct vat *vat, const struct durable_key *key, uint64_t first, uint64_t second);
uint64_t durable_next(struct vat *vat, const struct durable_key *counter); /* counts it up */

/* Rows with values: what their slots name is counted. */
/* Raises when this delivery changes too much. */
void durable_check(lua_State *L, size_t size);
/* The values from the stack as a body in vat->run.out, and their slots as numbers in
   vat->scratch.slots. */
void durable_encode(lua_State *L, int index, int count, const char *root, bool numbered);
void durable_set(
    lua_State *L, const struct durable_key *key, struct bytes body, struct bytes slots);
void durable_remove(lua_State *L, const struct durable_key *key);
/* Pushes the values of a body; how many. */
int durable_push(lua_State *L, struct bytes body, struct bytes slots);
/* Pushes what a stored reference stands for. */
void durable_push_reference(lua_State *L, uint64_t word, struct bytes interface);
bool durable_is_named(struct vat *vat, uint64_t word);
enum export durable_export(struct vat *vat, uint64_t word);
void durable_set_export(lua_State *L, uint64_t word, enum export export);
/* Before rows are read: what was read before may be forgotten. */
void durable_trim(lua_State *L);

/* kind.c, instance.c: durable objects. */
void instance_open(lua_State *L);
void kind_start(lua_State *L); /* the kinds that were used before */
void kind_check(lua_State *L); /* raises when one of them was not defined again */
int kind_define(lua_State *L); /* vat.kind(name, methods) */
/* Pushes the instance; false, and nothing, when there is none of this vref. */
bool instance_push_stored(lua_State *L, uint64_t word);
/* Pushes the instance that the self at index stands for. */
void instance_push_outer(lua_State *L, int index);
/* Its rows go. */
void instance_delete(lua_State *L, uint64_t word);

/* collection.c */
int collection_map(lua_State *L); /* vat.map(name) */
int collection_set(lua_State *L); /* vat.set(name) */

/* lstore.c */
enum face_kind { FACE_VATSTORE, FACE_BAGGAGE, FACE_MAP, FACE_SET };
void lstore_open(lua_State *L);
/* number and name: of a collection. */
void lstore_push(lua_State *L, enum face_kind kind, uint64_t number, struct bytes name);
int lstore_range(lua_State *L); /* vat.range(store, prefix) */
/* Why a store cannot be passed; NULL for what a text that names its type says well enough. */
const char *lstore_refusal(const enum noun *store);

#endif
