/* The C stack that vats run on, at a fixed address. Lua leaves addresses of its C frames behind in
 * a heap, in slots that nothing reads; on this stack they are the same in every process, so the
 * same history gives the same bytes. It is also as deep as Lua's parser needs, whichever thread
 * calls. */
#ifndef VAT_MACHINE_STACK_H
#define VAT_MACHINE_STACK_H

#include <stdbool.h>

struct vat;

bool stack_open(void);                                          /* false: no memory for it */
void stack_run(struct vat *vat, void (*body)(struct vat *vat)); /* after stack_open */
void stack_left(void);    /* where a longjmp out of body has landed */
void stack_release(void); /* while nothing runs on it: what was there goes */

#endif
