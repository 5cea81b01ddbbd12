/* Tables of the vat's library, which only it can reach: in the registry, under an integer that a
 * field of struct liveslots keeps. Keys are integers, mostly words of vrefs. */
#ifndef VAT_NOUN_REGISTRY_H
#define VAT_NOUN_REGISTRY_H

#include "vat/machine/lua.h"

int registry_table(lua_State *L); /* a new one */
void registry_push(lua_State *L, int table);
/* Pushes what the key has, maybe nil; its type. */
int registry_get(lua_State *L, int table, lua_Integer key);
/* The key gets the value at index, which stays there. */
void registry_put(lua_State *L, int table, lua_Integer key, int index);
void registry_mark(lua_State *L, int table, lua_Integer key); /* true */
void registry_clear(lua_State *L, int table, lua_Integer key);
size_t registry_count(lua_State *L, int table); /* of its keys, by a walk over all */

#endif
