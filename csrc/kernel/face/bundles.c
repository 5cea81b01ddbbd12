#include "kernel/face/bundles.h"

#include "state/bundle.h"
#include "state/bundle_name.h"
#include "state/state.h"

#include <assert.h>

void
kernel_store_bundle(struct kernel *kernel, const struct new_bundle *bundle, const char *name)
{
    struct state *state = kernel_state(kernel);
    assert(!state_in_crank(state));
    assert(bundle->modules > 0 && bundle->sha256.size == 64);
    bundle_store(state, bundle->sha256, bundle->name, bundle->modules, bundle->source);
    if (name != NULL)
        bundle_name_set(state, bytes_of(name), bundle->sha256);
}

char *
kernel_bundle_named(struct kernel *kernel, struct bytes name)
{
    return bundle_name_get(kernel_state(kernel), name);
}

uint8_t *
kernel_bundle_source(struct kernel *kernel, struct bytes sha256, size_t *size)
{
    return bundle_source(kernel_state(kernel), sha256, size);
}

void
kernel_sweep_bundles(struct kernel *kernel)
{
    assert(!state_in_crank(kernel_state(kernel)));
    bundle_sweep(kernel_state(kernel));
}
