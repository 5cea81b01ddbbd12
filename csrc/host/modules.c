#include "host/modules.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/memory.h"
#include "base/read.h"
#include "kernel/face/bundles.h"

static void
hash_source(struct bytes source, char sha256[SHA256_TEXT])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, source.data, source.size);
    sodium_bin2hex(sha256, SHA256_TEXT, hash, sizeof hash);
}

void
modules_encode(
    const struct vat_module *modules, size_t count, struct buf *source, char sha256[SHA256_TEXT])
{
    assert(count > 0 && source->size == 0);
    for (size_t i = 0; i < count; i++) {
        buf_bytes(source, modules[i].name);
        buf_bytes(source, modules[i].source);
    }
    hash_source(buf_view(source), sha256);
}

void
host_install_bundle(struct host *host, const struct vat_module *modules, size_t count,
    const char *name, char sha256[SHA256_TEXT])
{
    struct buf source = {0};
    modules_encode(modules, count, &source, sha256);
    const struct new_bundle bundle = {bytes_of(sha256), modules[0].name, count, buf_view(&source)};
    kernel_store_bundle(host_kernel(host), &bundle, name);
    buf_free(&source);
}

/* The modules of a source; false when it is malformed. */
static bool
decode(struct bytes source, struct stored_bundle *bundle)
{
    struct LIST(struct vat_module) list = {0};
    struct reader reader = reader_of(source);
    while (read_more(&reader)) {
        struct vat_module module;
        module.name = read_bytes(&reader);
        module.source = read_bytes(&reader);
        list_push(&list, module);
    }
    bundle->modules = list.items;
    bundle->count = list.count;
    return !reader.bad && list.count > 0;
}

bool
modules_read(
    struct kernel *kernel, struct bytes sha256, struct stored_bundle *bundle, struct buf *why)
{
    size_t size = 0;
    char name[SHA256_TEXT];
    *bundle = (struct stored_bundle){.source = kernel_bundle_source(kernel, sha256, &size)};
    struct bytes source = {bundle->source, size};
    bool whole = decode(source, bundle);
    hash_source(source, name);
    if (bundle->source != NULL && whole && bytes_equal(bytes_of(name), sha256))
        return true;
    buf_format(why, "its bundle %.*s is %s", (int)sha256.size, (const char *)sha256.data,
        bundle->source == NULL ? "not in the database" : "damaged");
    modules_free(bundle);
    return false;
}

void
modules_free(struct stored_bundle *bundle)
{
    free(bundle->modules);
    free(bundle->source);
}
