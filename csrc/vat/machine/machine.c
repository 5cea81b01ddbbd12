#include "vat/machine/machine.h"

#include "vat/machine/lua544.h"
#include "vat/machine/stack.h"

#define BASE_ADDRESS UINT64_C(0x200000000000) /* as the Makefile links it */

/* The start of this shared object, from the linker. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

static const char *
find_fault(void)
{
    if ((uintptr_t)__ehdr_start != BASE_ADDRESS)
        return "the vat layer could not be loaded at its address: something else is there";
    if (!stack_open())
        return "there is no memory for the stack that vats run on";
    return lua544_self_test();
}

bool
machine_is_ready(const char **reason)
{
    static bool done;
    static const char *fault;
    if (!done)
        fault = find_fault();
    done = true;
    *reason = fault;
    return fault == NULL;
}
