/* Keys of the durable space: what they name.
 *
 * <n> is a number of eight bytes, big-endian, and <vref> one that is a vref's word:
 *   i<n> s<bytes>         the baggage: integers, with their sign bit flipped, and strings
 *   tc<name>              a counter: the last number given out
 *   tk<name>              a kind that was used: its number
 *   tn<name>              a collection: its number, and 1 when it is a set
 *   te<n>i<n> te<n>s<bytes> te<n>v<vref>
 *                         an entry of collection <n>; the body has the value, and for a reference
 *                         as key its interface, the slots end with the key
 *   to<vref>              an instance's state: see fields.h
 *   tw<vref><n>           a watch of a promise: the body has the extra arguments, the target and
 *                         the method, the slots end with the promise
 *   tr<vref>              an import or instance: how many slots of rows name it, and how far the
 *                         kernel knows the instance (enum export)
 *   tu<vref>              an instance that no row names and nobody outside reaches: it lives as
 *                         long as the heap holds it
 * All but te, to and tw are records: see record.h. */
#ifndef VAT_DURABLE_KEY_H
#define VAT_DURABLE_KEY_H

#include "base/bytes.h"
#include "vat/machine/lua.h"

/* Prefixes; tr and tw are in base/message.h, since the kernel looks at those rows too. */
#define KEY_WATCH_COUNTER "tcw"
#define KEY_COLLECTION_COUNTER "tcn"
#define KEY_KIND_COUNTER "tck"
#define KEY_INSTANCE_COUNTER "tci" /* and the kind's number */
#define KEY_KIND "tk"
#define KEY_COLLECTION "tn"
#define KEY_ENTRY "te"
#define KEY_STATE "to"
#define KEY_UNHELD "tu"

#define KEY_NAME_MAX 1024 /* bytes of a key, or of a name of a field or collection */

struct durable_key {
    size_t size;
    uint8_t data[KEY_NAME_MAX + 32];
};

/* They write a key from left to right. */
void key_open(struct durable_key *key, const char *prefix);
void key_add_byte(struct durable_key *key, char byte);
void key_add_number(struct durable_key *key, uint64_t number);
void key_add(struct durable_key *key, struct bytes bytes); /* which fit */
void key_add_string(struct durable_key *key, lua_State *L, int index);

struct durable_key key_of(const char *prefix, uint64_t number); /* both and no more */
struct bytes key_view(const struct durable_key *key);
uint64_t key_number(struct bytes key, size_t at); /* the one that begins there */
bool key_has_prefix(struct bytes key, const struct durable_key *prefix);

#endif
