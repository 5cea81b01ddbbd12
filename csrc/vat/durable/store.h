/* A vat's durable table: keys and values as bytes, in byte order of the keys.
 *
 * It lies outside the arena. Until store_keep, the store remembers each changed key's value as it
 * was when the delivery began, so that store_undo can put it back and store_changes can tell what
 * differs: a key set back to its old value is no change. Bytes that a call returns are valid until
 * this key is changed, or store_trim, store_keep or store_undo is called.
 *
 * A store holds all rows in memory, or is paged: then it asks for rows as they are read, and keeps
 * those that changed in this delivery and a bounded number of others. */
#ifndef VAT_DURABLE_STORE_H
#define VAT_DURABLE_STORE_H

#include "base/message.h"

struct store;
struct vat_pager;

struct store *store_new(enum change_space space);
void store_free(struct store *store); /* NULL is legal */
/* From now on rows come from here; those in memory are forgotten. Not while some are changed. */
void store_page(struct store *store, const struct vat_pager *pager);

/* A row as the database has it; no change. */
void store_load(struct store *store, struct bytes key, struct bytes body, struct bytes slots);
/* present is false when there is no such key. */
struct entry_value store_get(struct store *store, struct bytes key);
void store_set(struct store *store, struct bytes key, struct bytes body, struct bytes slots);
void store_delete(struct store *store, struct bytes key);
/* The first key after this one, in byte order, or the first of all when after is NULL. */
bool store_next(
    struct store *store, const struct bytes *after, struct bytes *key, struct entry_value *value);
/* The first key that is not less than this one. */
bool store_seek(struct store *store, struct bytes at, struct bytes *key, struct entry_value *value);
/* Forgets rows that can be fetched again, when they are many: when the store is full. */
bool store_is_full(const struct store *store);
void store_trim(struct store *store);

/* While nothing is changed: gives back memory that it has needed and does not need now. */
void store_release(struct store *store);
size_t store_size(const struct store *store); /* bytes that it holds beside its rows */

size_t store_change_count(const struct store *store);
size_t store_change_size(const struct store *store); /* bytes of their keys and of what was there */
/* Appends what differs from the delivery's beginning, in key order, as change_encode writes it. */
void store_changes(struct store *store, struct buf *changes);
void store_keep(struct store *store);
void store_undo(struct store *store);

#endif
