#include "kernel/face/launch.h"

#include "state/bundle.h"
#include "state/cluster.h"
#include "state/state.h"

#include <assert.h>

void
kernel_launch_begin(struct kernel *kernel, struct launch *launch)
{
    kernel_start_begin(kernel);
    launch->started = 0;
    launch->cluster = launch->makes_cluster ? kernel_new_cluster(kernel) : 0;
    for (size_t i = 0; i < launch->count; i++) {
        assert(bytes_equal(launch->vats[i].spec.bundle, launch->vats[i].bundle.sha256));
        if (launch->cluster != 0)
            launch->vats[i].spec.cluster = launch->cluster;
    }
}

void
kernel_launch_start(struct kernel *kernel, struct launch *launch, double now, struct crank *crank)
{
    assert(state_in_crank(kernel_state(kernel)) && launch->started < launch->count);
    struct launch_vat *vat = &launch->vats[launch->started++];
    vat->vat = kernel_start_vat(kernel, &vat->spec, now, crank);
}

/* In the crank, so that no bundle is there without its vat. */
static void
store_bundles(struct state *state, const struct launch *launch)
{
    for (size_t i = 0; i < launch->count; i++) {
        const struct new_bundle *bundle = &launch->vats[i].bundle;
        bundle_store(state, bundle->sha256, bundle->name, bundle->modules, bundle->source);
    }
}

void
kernel_launch_end(struct kernel *kernel, struct launch *launch, bool keep)
{
    struct state *state = kernel_state(kernel);
    assert(state_in_crank(state));
    assert(!keep || launch->started == launch->count);
    if (keep)
        store_bundles(state, launch);
    for (size_t i = 0; i < launch->count && keep; i++) {
        if (launch->vats[i].call != 0)
            kernel_answer_created(kernel, launch->vats[i].call, launch->vats[i].vat);
    }
    kernel_start_end(kernel, keep);
    if (keep && launch->cluster != 0)
        cluster_store(state, launch->cluster, launch->bootstrap);
}
