#include "vat/machine/outside.h"

#include <signal.h>

#include "vat/machine/limit.h"

static volatile sig_atomic_t depth;
static volatile sig_atomic_t expired; /* time was up while outside */

void
outside_begin(void)
{
    depth++;
}

void
outside_end(void)
{
    depth--;
    if (expired && !depth && limit_is_running())
        limit_fault(VAT_FAULT_TIME);
}

void
outside_reset(void)
{
    depth = 0;
    expired = 0;
}

bool
outside_postpone(void)
{
    if (depth == 0)
        return false;
    expired = 1;
    return true;
}
