/* Messages on their way to wherever x of E(x) is or will be: another vat, an object of this one, or
 * a promise, behind the messages that were sent to it before. */
#ifndef VAT_LIVE_EVENTUAL_H
#define VAT_LIVE_EVENTUAL_H

#include "vat/machine/lua.h"

/* A message, on the stack of the vat code that sends it. */
struct sending {
    int name;  /* stack index of the method's name */
    int first; /* of the arguments */
    int count;
    int result; /* of a promise, a new one; 0: none is wanted */
};

/* Sends it to the value at index target. Raises when an argument cannot be passed. */
void eventual_send(lua_State *L, int target, const struct sending *message);
void eventual_check_name(lua_State *L, int index); /* a string: raises when no method can have it */
/* Does a SEND reaction whose promise has settled, or follows one that the kernel knows. */
void eventual_forward(lua_State *L, int reaction, int promise);

#endif
