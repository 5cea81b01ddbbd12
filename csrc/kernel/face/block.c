#include "kernel/face/block.h"

#include "state/counter.h"
#include "state/state.h"
#include "store/measure.h"

#include <assert.h>

bool
kernel_commit(struct kernel *kernel)
{
    assert(!state_in_crank(kernel_state(kernel)));
    return state_commit(kernel_state(kernel));
}

bool
kernel_is_dirty(struct kernel *kernel)
{
    return state_is_dirty(kernel_state(kernel));
}

bool
kernel_in_crank(struct kernel *kernel)
{
    return state_in_crank(kernel_state(kernel));
}

const char *
kernel_store_error(struct kernel *kernel)
{
    return state_error(kernel_state(kernel));
}

uint64_t
kernel_cranks(struct kernel *kernel)
{
    return counter_last(kernel_state(kernel), COUNTER_CRANK);
}

bool
kernel_look_is_due(struct kernel *kernel, uint64_t items)
{
    struct state *state = kernel_state(kernel);
    uint64_t now = counter_last(state, COUNTER_SEQ);
    uint64_t last = counter_last(state, COUNTER_LOOK);
    if (last <= now && now - last < items)
        return false;
    counter_set(state, COUNTER_LOOK, now);
    return last <= now; /* a greater one is of a version that counted cranks */
}

bool
kernel_vacuum(struct kernel *kernel)
{
    assert(!state_is_dirty(kernel_state(kernel)));
    return db_vacuum(state_db(kernel_state(kernel)));
}

double
kernel_measure_commits(const char *path, int n)
{
    return measure_commits(path, n);
}
