/* A body as Lua values. */
#ifndef VALUE_UNMARSHAL_H
#define VALUE_UNMARSHAL_H

#include "value/marshal.h"

/* Pushes the body's values and returns how many; raises "malformed value" when it is none. */
int unmarshal_push(lua_State *L, struct bytes body, const struct marshal_ops *ops, void *context);

#endif
