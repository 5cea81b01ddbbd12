/* The libraries of a vat's Lua: Lua's own functions where they are harmless, ours where not. */
#ifndef VAT_MACHINE_SANDBOX_H
#define VAT_MACHINE_SANDBOX_H

#include "vat/internal.h"

extern const luaL_Reg lbase_functions[];
extern const luaL_Reg lstring_functions[];
extern const luaL_Reg lpattern_functions[];
extern const luaL_Reg ltable_functions[];
void lmath_open(lua_State *L); /* adds random and randomseed to the table on top */
/* Wrap some of Lua's own functions in the table on top. */
void lbounded_base(lua_State *L);
void lbounded_string(lua_State *L);
void lbounded_table(lua_State *L);
void lbounded_utf8(lua_State *L);

/* A string under construction, in the arena: it may grow to the memory limit. It takes one slot
 * of the stack. */
struct text {
    lua_State *L;
    char *data;
    size_t size, capacity;
    int slot;
    char first[512];
};

void text_open(struct text *text, lua_State *L);
char *text_reserve(struct text *text, size_t more); /* the caller adds to size */
void text_add(struct text *text, const char *data, size_t size);
void text_push(struct text *text); /* the finished string */

#endif
