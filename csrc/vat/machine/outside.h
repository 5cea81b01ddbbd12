/* Code that touches memory outside the arena while vat code runs does so between outside_begin and
 * outside_end, which nest: a tick that comes there does not leave the delivery before the last
 * outside_end. It does bounded work there, and calls no lua_* function. */
#ifndef VAT_MACHINE_OUTSIDE_H
#define VAT_MACHINE_OUTSIDE_H

#include <stdbool.h>

void outside_begin(void);
void outside_end(void); /* leaves the delivery when a tick came meanwhile and time is up */

bool outside_is_open(void);

/* For limit.c. */
void outside_reset(void);    /* at a delivery's beginning */
bool outside_postpone(void); /* time is up: true when it is outside_end that will say so */

#endif
