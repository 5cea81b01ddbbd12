/* What a delivery may use, and the way out when it is used up.
 *
 * limit_run calls body with the limits on; it returns VAT_OK when body returned, else what ended
 * it. Nothing in a vat can catch that or run after it. */
#ifndef VAT_MACHINE_LIMIT_H
#define VAT_MACHINE_LIMIT_H

#include "base/outcome.h"
#include "vat/machine/machine.h"

/* limited: time and instructions count; memory always does. */
enum vat_fault limit_run(struct machine *machine, bool limited, void (*body)(struct vat *vat));
const char *limit_text(enum vat_fault fault);     /* which limit it is that was exceeded */
_Noreturn void limit_fault(enum vat_fault fault); /* leaves the running body */
bool limit_is_running(void);                      /* a body runs: limit_fault has somewhere to go */
/* Puts the instruction budget on a new main thread. */
void limit_hook(lua_State *L, const struct machine *machine);
/* Switches time and instruction limits off until the delivery ends (a collection, say). */
void limit_pause(void);
/* Charges work that a C function does in one Lua instruction, in Lua instructions. */
void limit_charge(lua_State *L, uint64_t instructions);
void limit_charge_bytes(lua_State *L, size_t bytes); /* that it reads, writes or compares */

#endif
