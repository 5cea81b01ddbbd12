#include "host/launching.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "host/bring.h"
#include "host/log.h"
#include "host/modules.h"
#include "host/online.h"
#include "kernel/face/block.h"
#include "kernel/face/launch.h"

/* A vat's bundle, for as long as the launch takes. */
struct source {
    struct buf bytes;
    char sha256[SHA256_TEXT];
};

static struct launch_vat
encode(const struct vat_plan *plan, struct source *source)
{
    modules_encode(plan->modules, plan->module_count, &source->bytes, source->sha256);
    struct bytes sha256 = bytes_of(source->sha256);
    return (struct launch_vat){
        .spec = {.name = bytes_of(plan->name),
            .bundle = sha256,
            .parameters = plan->parameters,
            .settings = plan->settings,
            .cluster = plan->cluster},
        .bundle = {sha256, plan->modules[0].name, plan->module_count, buf_view(&source->bytes)},
        .call = plan->call,
    };
}

/* The vat in which the start was delivered and applied; NULL when it did not start. */
static struct vat *
deliver_start(struct host *host, struct vat_plan *plan, const struct crank *crank, struct buf *why)
{
    struct outcome outcome = {0};
    const char *reason;
    struct vat *vat =
        bring_new(host, plan->vat, &plan->settings, plan->modules, plan->module_count, why);
    if (vat == NULL)
        return NULL;
    assert(kernel_in_crank(host->kernel));
    vat_deliver(vat, crank->delivery, VAT_LIVE, &outcome);
    bool good = kernel_start_finish(host->kernel, &outcome, &reason);
    log_outcome(host, plan->vat, &outcome, good);
    if (good) {
        vat_keep(vat);
        return vat;
    }
    buf_text(why, reason);
    vat_close(vat);
    return NULL;
}

/* The next vat: made, opened, and in memory. False with *error set. */
static bool
start(struct host *host, struct vat_plan *plan, struct launch *launch, char **error)
{
    struct crank crank;
    struct buf why = {0}, text = {0};
    struct launch_vat *made = &launch->vats[launch->started];
    kernel_launch_start(host->kernel, launch, host_now(host), &crank);
    plan->vat = made->vat;
    struct vat *vat = deliver_start(host, plan, &crank, &why);
    if (vat != NULL) {
        online_keep(host, plan->vat, vat);
        return true;
    }
    buf_format(&text, "vat \"%s\": %s", plan->name, buf_string(&why));
    *error = memory_text(buf_string(&text));
    buf_free(&text);
    buf_free(&why);
    return false;
}

/* All plans, in the kernel's crank; whether all started. */
static bool
start_all(struct host *host, struct vat_plan *plans, struct launch *launch, char **error)
{
    size_t started = 0;
    kernel_launch_begin(host->kernel, launch);
    while (started < launch->count && start(host, &plans[started], launch, error))
        started++;
    bool good = started == launch->count;
    assert(launch->started == started + !good);
    kernel_launch_end(host->kernel, launch, good);
    assert(!kernel_in_crank(host->kernel));
    for (size_t i = 0; i < started && !good; i++)
        online_forget(host, plans[i].vat);
    return good;
}

bool
host_launch(struct host *host, struct vat_plan *plans, size_t count, uint64_t *cluster,
    const char *bootstrap, char **error)
{
    assert(!kernel_in_crank(host->kernel));
    struct source *sources = memory_zero((count + 1) * sizeof *sources);
    struct launch launch = {.vats = memory_zero((count + 1) * sizeof *launch.vats),
        .count = count,
        .makes_cluster = cluster != NULL,
        .bootstrap = bootstrap};
    for (size_t i = 0; i < count; i++)
        launch.vats[i] = encode(&plans[i], &sources[i]);
    bool good = start_all(host, plans, &launch, error);
    if (good && cluster != NULL)
        *cluster = launch.cluster;
    for (size_t i = 0; i < count; i++)
        buf_free(&sources[i].bytes);
    free(sources);
    free(launch.vats);
    return good;
}
