/* Error values: tables { name = ..., message = ... } whose tostring is their message. */
#ifndef VALUE_ERRORVALUE_H
#define VALUE_ERRORVALUE_H

#include <lua.h>
#include <stdbool.h>

/* Makes the type known to this Lua state; call it once, before anything else of values. */
void errorvalue_open(lua_State *L);
/* Turns the table on top of the stack into an error value. */
void errorvalue_make(lua_State *L);
bool errorvalue_is(lua_State *L, int index);
/* Pushes { name = name, message = ... }, an error value. */
void errorvalue_push(lua_State *L, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
