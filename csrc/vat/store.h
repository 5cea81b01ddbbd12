/* A vat's durable table in memory: keys and values as bytes, in byte order of the keys.
 *
 * It lies outside the arena. Until store_keep, the store remembers each changed key's value as it
 * was when the delivery began, so that store_undo can put it back and store_changes can tell what
 * differs: a key set back to its old value is no change. Bytes that a call returns are valid until
 * the next call that changes the store. */
#ifndef VAT_STORE_H
#define VAT_STORE_H

#include "base/message.h"

struct store;

struct store *store_new(void);
void store_free(struct store *store); /* NULL is legal */

/* A row as the database has it; no change. */
void store_load(struct store *store, struct bytes key, struct bytes body, struct bytes slots);
/* present is false when there is no such key. */
struct entry_value store_get(const struct store *store, struct bytes key);
void store_set(struct store *store, struct bytes key, struct bytes body, struct bytes slots);
void store_delete(struct store *store, struct bytes key);
/* The first key after this one, in byte order, or the first of all when after is NULL. */
bool store_next(const struct store *store, const struct bytes *after, struct bytes *key,
    struct entry_value *value);
/* The first key that is not less than this one. */
bool store_seek(const struct store *store, struct bytes at, struct bytes *key,
    struct entry_value *value);

size_t store_change_count(const struct store *store);
/* Appends what differs from the delivery's beginning, in key order, as change_encode writes it. */
void store_changes(struct store *store, enum change_space space, struct buf *changes);
void store_keep(struct store *store);
void store_undo(struct store *store);

#endif
