#include "kernel/face/settings.h"

#include <assert.h>

char *
kernel_setting(struct kernel *kernel, const char *name)
{
    return state_setting(kernel_state(kernel), name);
}

void
kernel_set_setting(struct kernel *kernel, const char *name, const char *value)
{
    assert(!state_in_crank(kernel_state(kernel)));
    state_set_setting(kernel_state(kernel), name, value);
}

void
kernel_settings(struct kernel *kernel, const char *prefix,
    void (*each)(void *context, struct bytes name, struct bytes value), void *context)
{
    state_settings(kernel_state(kernel), prefix, each, context);
}
