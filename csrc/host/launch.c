/* Starting vats: together, as one crank, all or none. */
#include "base/memory.h"
#include "host/internal.h"
#include "state/bundle.h"
#include "state/bundle_name.h"
#include "state/cluster.h"

#include <sodium.h>
#include <stdlib.h>

void
host_name_bundle(struct bytes source, char sha256[SHA256_TEXT])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, source.data, source.size);
    sodium_bin2hex(sha256, SHA256_TEXT, hash, sizeof hash);
}

/* A bundle is its modules, one after the other. */
static void
encode_bundle(const struct vat_module *modules, size_t count, struct buf *source, char *sha256)
{
    for (size_t i = 0; i < count; i++) {
        buf_bytes(source, modules[i].name);
        buf_bytes(source, modules[i].source);
    }
    host_name_bundle(buf_view(source), sha256);
}

void
host_install_bundle(struct host *host, const struct vat_module *modules, size_t count,
    const char *name, char sha256[SHA256_TEXT])
{
    struct state *state = kernel_state(host->kernel);
    struct buf source = {0};
    encode_bundle(modules, count, &source, sha256);
    bundle_store(state, bytes_of(sha256), modules[0].name, count, buf_view(&source));
    if (name != NULL)
        bundle_name_set(state, bytes_of(name), bytes_of(sha256));
    buf_free(&source);
}

/* One vat: made, opened, and its start delivered and applied. False with *error set. */
static bool
start(struct host *host, struct vat_plan *plan, uint64_t cluster, const char *sha256, char **error)
{
    struct vat_spec spec = {.name = bytes_of(plan->name),
        .bundle = bytes_of(sha256),
        .parameters = plan->parameters,
        .settings = plan->settings,
        .cluster = cluster != 0 ? cluster : plan->cluster};
    struct crank crank;
    struct outcome outcome = {0};
    const char *reason;
    plan->vat = kernel_start_vat(host->kernel, &spec, host_now(host), &crank);
    struct vat *vat =
        host_open_vat(host, plan->vat, &plan->settings, plan->modules, plan->module_count);
    bool good = vat != NULL;
    if (good) {
        vat_deliver(vat, crank.delivery, VAT_LIVE, &outcome);
        good = kernel_start_finish(host->kernel, &outcome, &reason);
        host_log_outcome(host, plan->vat, &outcome, good);
    } else {
        reason = buf_string(&host->reason);
    }
    if (good) {
        vat_keep(vat);
        host_keep_online(host, plan->vat, vat);
        return true;
    }
    struct buf text = {0};
    buf_format(&text, "vat \"%s\": %s", plan->name, reason);
    *error = memory_text(buf_string(&text));
    buf_free(&text);
    vat_close(vat);
    return false;
}

struct bundle_row {
    struct buf source;
    char sha256[SHA256_TEXT];
};

static void
store_bundles(
    struct host *host, const struct vat_plan *plans, struct bundle_row *bundles, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bundle_store(kernel_state(host->kernel), bytes_of(bundles[i].sha256),
            plans[i].modules[0].name, plans[i].module_count, buf_view(&bundles[i].source));
}

bool
host_launch(struct host *host, struct vat_plan *plans, size_t count, uint64_t *cluster,
    const char *bootstrap, char **error)
{
    struct bundle_row *bundles = memory_zero((count + 1) * sizeof *bundles);
    for (size_t i = 0; i < count; i++)
        encode_bundle(
            plans[i].modules, plans[i].module_count, &bundles[i].source, bundles[i].sha256);
    kernel_start_begin(host->kernel);
    uint64_t number = cluster == NULL ? 0 : kernel_new_cluster(host->kernel);
    size_t started = 0;
    while (started < count && start(host, &plans[started], number, bundles[started].sha256, error))
        started++;
    bool good = started == count;
    if (good)
        store_bundles(host, plans, bundles, count);
    for (size_t i = 0; i < count && good; i++) {
        if (plans[i].call != 0)
            kernel_answer_created(host->kernel, plans[i].call, plans[i].vat);
    }
    kernel_start_end(host->kernel, good);
    for (size_t i = 0; i < started && !good; i++)
        host_forget(host, plans[i].vat);
    if (good && cluster != NULL) {
        cluster_store(kernel_state(host->kernel), number, bootstrap);
        *cluster = number;
    }
    for (size_t i = 0; i < count; i++)
        buf_free(&bundles[i].source);
    free(bundles);
    return good;
}
