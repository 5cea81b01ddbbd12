/* What one vat runs on: its heap, and what undoes and limits a delivery. It lies outside the
 * heap. */
#ifndef VAT_MACHINE_MACHINE_H
#define VAT_MACHINE_MACHINE_H

#include "vat/machine/heap.h"

struct machine {
    struct heap *heap;
    struct shadow *shadow;       /* undo.c's, of the heap; NULL: it has none */
    bool saved;                  /* undo_restore has something to put back */
    double time_limit;           /* seconds of CPU time in a delivery; 0: none */
    uint64_t instruction_budget; /* Lua instructions in a delivery; 0: none */
};

/* What must be true of this process and this build of Lua before a vat runs in it; looked at once.
 * False: *reason says what is not. */
bool machine_is_ready(const char **reason);

#endif
