/* A database with something in every table, for the target that damages rows. */
#ifndef SPEC_FUZZ_SAMPLE_H
#define SPEC_FUZZ_SAMPLE_H

#include <string.h>

#include "base/cbor.h"
#include "base/memory.h"
#include "fuzz.h"
#include "host/launching.h"
#include "state/bundle_name.h"
#include "state/setting.h"

#define VATS 6

/* No input needs the disk's word: SQLite finds these before those of the C library. */
__attribute__((visibility("default"))) int
fsync(int file)
{
    (void)file;
    return 0;
}

__attribute__((visibility("default"))) int
fdatasync(int file)
{
    (void)file;
    return 0;
}

static struct buf image; /* of the database as it was made */
static char path[512];

static const char *const sources[] = {
    /* 1: keeps everything that can be kept */
    "return function(vat, params)\n"
    "local make = vat.kind('Purse', { add = function(self, n) self.n = self.n + n; return self.n "
    "end })\n"
    "local b = vat.baggage\n"
    "b.purse = b.purse or make { n = 1 }\n"
    "local kept = {}\n"
    "local root\n"
    "root = Far('Keeper', {\n"
    "ping = function(self, ...) b.count = (b.count or 0) + 1; vat.vatstore.last = "
    "tostring(b.count);\n"
    "  b.purse:add(1); return b.count, b.purse, ... end,\n"
    "setup = function(self, other) b.other = other; vat.map('m')[other] = { 1, 'two' }\n"
    "  vat.set('s').x = true; local p = E(other):wait(self); kept[1] = p; vat.watch(p, root, "
    "'woken')\n"
    "  kept[2] = Far('Loose', { ping = function() return 'loose' end }); E(other):take(kept[2], "
    "b.purse)\n"
    "  return p end,\n"
    "woken = function(self, ok, value) b.woken = ok; return value end })\n"
    "return root end\n",
    /* 2: never settles, and remembers what it was given */
    "return function(vat)\n"
    "local list, q, yes = {}, promise()\n"
    "return Far('Other', { wait = function(self, who) E(who):ping(q); return q end,\n"
    "take = function(self, ...) list[#list + 1] = { ... }; vat.baggage.seen = #list; return ... "
    "end,\n"
    "ping = function(self, ...) for i, x in ipairs(list) do E.send_only(x[1]):ping() end\n"
    "  return #list, ... end, leave = function() vat.exit('gone') end }) end\n",
};

static struct blob *
one_argument(struct kref kref)
{
    struct buf body = {0};
    cbor_head(&body, CBOR_ARRAY, 1);
    cbor_head(&body, CBOR_TAG, CBOR_TAG_OBJECT);
    cbor_head(&body, CBOR_ARRAY, 2);
    cbor_head(&body, CBOR_UNSIGNED, 0);
    cbor_string(&body, bytes_of(""));
    struct blob *blob = blob_new(buf_view(&body), &kref, 1);
    buf_free(&body);
    return blob;
}

static void
send_to(struct kernel *kernel, uint64_t vat, const char *method, struct kref argument)
{
    struct kref root = kernel_root(kernel, vat);
    if (kref_is_none(root) || kref_is_none(argument) || kernel_stopped(kernel) != NULL)
        return;
    struct blob *value = one_argument(argument);
    kernel_send(kernel, root, bytes_of(method), value);
    blob_drop(value);
}

static void
run(struct host *host, int steps)
{
    while (steps-- > 0 && host_step(host) == HOST_DONE)
        host_log_clear(host);
}

static void
launch(struct host *host)
{
    struct vat_plan plans[VATS] = {0};
    struct vat_module modules[VATS];
    static const char *const names[VATS] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < VATS; i++) {
        modules[i] = (struct vat_module){bytes_of("main.lua"), bytes_of(sources[i % 2])};
        plans[i].name = names[i];
        plans[i].modules = &modules[i];
        plans[i].module_count = 1;
        plans[i].parameters = blob_new(bytes_of("\x81\x80"), NULL, 0);
        plans[i].settings = (struct vat_settings){.transcript = i != 2,
            .time_limit_us = 1000000,
            .memory_limit = 4 << 20,
            .reap_interval = 5,
            .paged = i == 4,
            .snapshot_interval = 3};
    }
    uint64_t cluster;
    char *error = NULL;
    if (!host_launch(host, plans, VATS, &cluster, NULL, &error))
        FUZZ_FAIL("the database cannot be made: %s", error);
    for (size_t i = 0; i < VATS; i++)
        blob_drop(plans[i].parameters);
}

/* Something in every table: promises that wait, parked messages, a service's call, an upgrade, a
   vat that ended and one that is suspended. */
static void
live_a_little(struct host *host)
{
    struct kernel *kernel = host_kernel(host);
    struct kref roots[VATS + 1];
    for (uint64_t i = 1; i <= VATS; i++)
        roots[i] = kernel_root(kernel, i);
    for (uint64_t i = 1; i <= VATS; i += 2)
        send_to(kernel, i, "setup", roots[i + 1]);
    run(host, 200);
    struct kref service = kernel_service(kernel, "vat_admin");
    kernel_pin(kernel, roots[1]);
    kernel_pin(kernel, service);
    send_to(kernel, 1, "setup", service);
    send_to(kernel, 6, "leave", roots[1]);
    for (int i = 0; i < 8; i++)
        send_to(kernel, 1, "ping", roots[2]);
    run(host, 200);
    kernel_suspend_vat(kernel, 4);
    send_to(kernel, 4, "ping", roots[1]);
    kernel_release(kernel, kernel_send_upgrade(kernel, 3, bytes_of(""), NULL));
    run(host, 100);
    kernel_release(kernel, kernel_send_upgrade(kernel, 5, bytes_of(""), NULL));
    send_to(kernel, 2, "ping", roots[5]);
    send_to(kernel, 3, "setup", roots[2]);
    bundle_name_set(kernel_state(kernel), bytes_of("named"), bytes_of("no such"));
    setting_set(kernel_state(kernel), "a", "b");
}

static struct host *
open_host(void)
{
    struct host_options options = {.path = path, .mode = DB_WRITE, .commit_every = 7};
    char *error = NULL;
    struct host *host = host_open(&options, &error);
    if (host == NULL)
        FUZZ_CHECK(error != NULL && strlen(error) > strlen(path));
    free(error);
    return host;
}

static void
read_image(void)
{
    uint8_t block[4096];
    size_t size;
    FILE *file = fopen(path, "rb");
    FUZZ_CHECK(file != NULL);
    while ((size = fread(block, 1, sizeof block, file)) > 0)
        buf_append(&image, block, size);
    fclose(file);
}

static void
write_image(void)
{
    FILE *file = fopen(path, "wb");
    FUZZ_CHECK(file != NULL && fwrite(image.data, 1, image.size, file) == image.size);
    fclose(file);
}

static void
make_sample(void)
{
    struct host *host = open_host();
    FUZZ_CHECK(host != NULL);
    launch(host);
    live_a_little(host);
    if (kernel_stopped(host_kernel(host)) != NULL)
        FUZZ_FAIL("the database cannot be made: %s", kernel_stopped(host_kernel(host)));
    FUZZ_CHECK(host_close(host));
    read_image();
}

#endif
