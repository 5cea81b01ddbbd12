/* Turns: each is a coroutine that runs until it awaits or is done. What awaits is known by its
 * coroutine; where its outcome goes is kept in a table as long (sink.h). */
#ifndef VAT_LIVE_TURN_H
#define VAT_LIVE_TURN_H

#include "vat/machine/lua.h"

/* A new turn's coroutine, pushed. Its sink is the value on top, which stays below it. */
lua_State *turn_push(lua_State *L);
/* Runs the turn on top of the stack, whose function and arguments lie on its own; pops it and its
   sink. */
void turn_run(lua_State *L, int argument_count);
/* Goes on with the coroutine at index, whose promise has settled. */
void turn_go_on(lua_State *L, int index);

#endif
