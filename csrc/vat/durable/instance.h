/* Instances of kinds: their state as rows, and the two values that stand for one in the heap, the
 * instance, a remotable, and the self that its own methods get. An instance may leave the heap and
 * come back, as the same object to whoever asks for it. */
#ifndef VAT_DURABLE_INSTANCE_H
#define VAT_DURABLE_INSTANCE_H

#include "vat/durable/kind.h"
#include "vat/noun/remotable.h"

/* Pushes the instance of this word, whose row is there and which the heap has not. kind: a stack
   index. */
struct remotable *instance_push(lua_State *L, int kind, uint64_t word);
/* The same for what a row or the kernel names; false, and nothing, when there is none. */
bool instance_push_stored(lua_State *L, uint64_t word);
/* Pushes what the methods of the instance at index get as self. */
void instance_push_self(lua_State *L, int kind, int index);
/* Pushes the instance that the self at index stands for. */
void instance_push_outer(lua_State *L, int index);
/* Writes the state in the making from the table at 1; methods: the stack index of their table. */
void instance_collect_state(lua_State *L, const struct kind *kind, int methods);
/* Makes the row of an instance that nobody names yet from the state that was collected. */
void instance_create(lua_State *L, uint64_t word);
void instance_delete(lua_State *L, uint64_t word); /* its rows go */

#endif
