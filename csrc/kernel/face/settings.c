#include "kernel/face/settings.h"

#include "state/setting.h"
#include "state/state.h"

#include <assert.h>

char *
kernel_setting(struct kernel *kernel, const char *name)
{
    return setting_get(kernel_state(kernel), name);
}

void
kernel_set_setting(struct kernel *kernel, const char *name, const char *value)
{
    assert(!state_in_crank(kernel_state(kernel)));
    setting_set(kernel_state(kernel), name, value);
}

void
kernel_settings(struct kernel *kernel, const char *prefix,
    void (*each)(void *context, struct bytes name, struct bytes value), void *context)
{
    setting_each(kernel_state(kernel), prefix, each, context);
}
