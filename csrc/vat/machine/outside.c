#include "vat/machine/outside.h"

#include "vat/machine/limit.h"

#include <assert.h>
#include <signal.h>

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
    assert(depth > 0);
    depth--;
    if (expired && !depth && limit_is_running())
        limit_fault(VAT_FAULT_TIME);
}

bool
outside_is_open(void)
{
    return depth > 0;
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
