/* Vats' lives, from Lua: suspending, resuming, ending, upgrading; and named bundles. */
#include "module/lmodule.h"

#include "host/compact.h"
#include "host/modules.h"
#include "host/upgrading.h"
#include "kernel/face/bundles.h"
#include "kernel/face/vats.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One vat */

/* Why something ends: a text for those who wait for its answers. */
static const char *
check_reason(lua_State *L, int at, const char *otherwise)
{
    if (lua_isnoneornil(L, at))
        return otherwise;
    if (!lua_isstring(L, at))
        lerror_raise(L, LERROR_MISUSE, "the reason must be a string, got %s", luaL_typename(L, at));
    return lua_tostring(L, at);
}

/* A cluster's number from "s2". */
static uint64_t
check_cluster(lua_State *L, int at)
{
    if (lua_type(L, at) != LUA_TSTRING)
        lerror_raise(L, LERROR_MISUSE, "a cluster's id expected, such as \"s1\", got %s",
            luaL_typename(L, at));
    const char *text = lname_text(L, at);
    uint64_t number = lname_number_after('s', text);
    if (number == 0)
        lerror_raise(L, LERROR_NO_CLUSTER, "no such cluster: \"%s\"; write \"s1\"", text);
    return number;
}

static int
l_terminate_vat(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    uint64_t vat = lname_vat(L, 1, 2);
    const char *reason = check_reason(L, 3, "terminated by the host");
    if (!kernel_terminate_vat(host_kernel(kernel->host), vat, reason))
        return lerror_raise(L, LERROR_STATE, "%s has been terminated already", lua_tostring(L, 2));
    host_vat_ended(kernel->host, vat);
    if (kernel_stopped(host_kernel(kernel->host)) != NULL)
        host_commit(kernel->host); /* it was critical: what came before stands */
    lkernel_check_running(L, kernel);
    return 0;
}

/* terminate_cluster(id, reason): all its vats, the youngest first */
static int
l_terminate_cluster(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct kernel *k = host_kernel(kernel->host);
    uint64_t cluster = check_cluster(L, 2);
    const char *reason = check_reason(L, 3, "its cluster was terminated by the host");
    struct number_list vats = {0};
    kernel_cluster_vats(k, cluster, &vats);
    for (size_t i = vats.count; i-- > 0;) {
        kernel_terminate_vat(k, vats.items[i], reason);
        host_vat_ended(kernel->host, vats.items[i]);
    }
    list_free(&vats);
    lkernel_check_store(L, kernel);
    if (!kernel_delete_cluster(k, cluster))
        return lerror_raise(L, LERROR_NO_CLUSTER, "no such cluster: \"%s\"", lua_tostring(L, 2));
    if (kernel_stopped(host_kernel(kernel->host)) != NULL)
        host_commit(kernel->host);
    lkernel_check_running(L, kernel);
    return 0;
}

static int
l_suspend_vat(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    if (!kernel_suspend_vat(host_kernel(kernel->host), lname_vat(L, 1, 2)))
        return lerror_raise(L, LERROR_STATE, "%s is not running", lua_tostring(L, 2));
    return 0;
}

static int
l_resume_vat(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    if (!kernel_resume_vat(host_kernel(kernel->host), lname_vat(L, 1, 2)))
        return lerror_raise(
            L, LERROR_STATE, "%s is neither suspended nor failed", lua_tostring(L, 2));
    return 0;
}

static int
l_heap_hash(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct buf why = {0};
    struct vat *vat = host_vat(kernel->host, lname_vat(L, 1, 2), &why);
    const char *reason = lkernel_push_text(L, &why);
    lkernel_check_store(L, kernel);
    if (vat == NULL)
        return lerror_raise(
            L, LERROR_STATE, "%s cannot be brought into memory: %s", lua_tostring(L, 2), reason);
    char text[24];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)vat_heap_hash(vat));
    lua_pushstring(L, text);
    return 1;
}

/* Bundles and upgrades */

/* install_bundle(name, modules): its hash */
static int
l_install_bundle(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    const char *name = luaL_checkstring(L, 2);
    char sha256[SHA256_TEXT];
    size_t count;
    const struct vat_module *modules = llaunch_modules(L, 3, &count);
    host_install_bundle(kernel->host, modules, count, name, sha256);
    kernel_sweep_bundles(host_kernel(kernel->host)); /* what had the name before */
    lkernel_check_running(L, kernel);
    lua_pushstring(L, sha256);
    return 1;
}

/* The hash of the bundle of the name on top of the stack. */
static void
named_bundle(lua_State *L, struct lkernel *kernel, char sha256[SHA256_TEXT])
{
    char *found = kernel_bundle_named(host_kernel(kernel->host), bytes_of(lname_text(L, -1)));
    if (found != NULL)
        snprintf(sha256, SHA256_TEXT, "%s", found);
    free(found);
    lkernel_check_store(L, kernel);
    if (sha256[0] == 0)
        lerror_raise(
            L, LERROR_NO_BUNDLE, "no such bundle: \"%s\"; install it first", lua_tostring(L, -1));
}

/* The hash of the bundle that the settings at index 3 name: the vat's own when they name none. */
static void
read_bundle(lua_State *L, struct lkernel *kernel, char sha256[SHA256_TEXT])
{
    sha256[0] = 0;
    int type = lua_getfield(L, 3, "bundle");
    if (type == LUA_TSTRING) {
        named_bundle(L, kernel, sha256);
    } else if (type == LUA_TTABLE) {
        size_t count;
        const struct vat_module *modules = llaunch_modules(L, -1, &count);
        host_install_bundle(kernel->host, modules, count, NULL, sha256);
    }
}

/* The living vat at index 2, and the bundle for it that the settings at index 3 name. */
static uint64_t
read_upgrade(lua_State *L, struct lkernel *kernel, char sha256[SHA256_TEXT])
{
    uint64_t vat = lname_vat(L, 1, 2);
    lua_settop(L, 3);
    struct vat_info info;
    if (kernel_vat_info(host_kernel(kernel->host), vat, &info) && info.state == VAT_TERMINATED)
        lerror_raise(L, LERROR_STATE, "%s has been terminated; nothing can be upgraded there",
            lua_tostring(L, 2));
    if (lua_isnil(L, 3)) {
        lua_newtable(L);
        lua_replace(L, 3);
    }
    luaL_checktype(L, 3, LUA_TTABLE);
    read_bundle(L, kernel, sha256);
    assert(sha256[0] == 0 || strlen(sha256) == SHA256_TEXT - 1);
    return vat;
}

/* upgrade_vat(vat, { bundle, parameters }): a handle for { incarnation = n } */
static int
l_upgrade_vat(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct blob *parameters = NULL;
    char sha256[SHA256_TEXT];
    uint64_t vat = read_upgrade(L, kernel, sha256);
    int type = lua_getfield(L, 3, "parameters");
    if (type == LUA_TTABLE)
        parameters = llaunch_parameters(L, lua_gettop(L));
    else if (type != LUA_TNIL)
        return lerror_raise(
            L, LERROR_MISUSE, "parameters: a table expected, got %s", luaL_typename(L, -1));
    struct kref result =
        kernel_send_upgrade(host_kernel(kernel->host), vat, bytes_of(sha256), parameters);
    blob_drop(parameters);
    lref_push(L, 1, result, true);
    return 1;
}

static void
upgrade_one(lua_State *L, struct lkernel *kernel, uint64_t vat, struct bytes bundle, bool keep)
{
    struct report {
        uint64_t vat;
        size_t promises; /* that its old incarnation cannot keep */
        bool good;
        int64_t incarnation;
    };
    static const struct lfield fields[] = {
        {"vat", LFIELD_VAT, offsetof(struct report, vat)},
        {"promises", LFIELD_INTEGER, offsetof(struct report, promises)},
        {"ok", LFIELD_FLAG, offsetof(struct report, good)},
        {"incarnation", LFIELD_INTEGER, offsetof(struct report, incarnation)},
        {NULL, LFIELD_TEXT, 0},
    };
    struct kernel *k = host_kernel(kernel->host);
    struct report report = {.vat = vat, .promises = kernel_promises_of(k, vat)};
    struct vat_info info = {0};
    struct buf why = {0};
    int top = lua_gettop(L);
    report.good = host_upgrade_now(kernel->host, vat, bundle, keep, &why);
    kernel_vat_info(k, vat, &info);
    report.incarnation = info.incarnation + (report.good && !keep);
    lfields_push(L, &report, fields);
    if (!report.good) {
        lkernel_push_text(L, &why);
        lua_setfield(L, -2, "reason");
    }
    assert(lua_gettop(L) == top + 1);
    (void)top;
    lkernel_tell_log(L, 1);
}

/* upgrade_all { dry_run }: every living vat, to its own bundle with its retained parameters */
static int
l_upgrade_all(lua_State *L)
{
    static const char *const names[] = {"dry_run", NULL};
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    lsettings_check(L, 2, (struct lsettings_rule){"upgrade_all", "{ dry_run = true }", names});
    bool keep = !lsettings_flag(L, 2, "upgrade_all", "dry_run");
    lua_newtable(L);
    struct kernel *k = host_kernel(kernel->host);
    lua_Integer count = 0;
    uint64_t last = kernel_last_vat(k);
    for (uint64_t vat = 1; vat <= last; vat++) {
        struct vat_info info;
        if (!kernel_vat_info(k, vat, &info) || info.state == VAT_TERMINATED)
            continue;
        upgrade_one(L, kernel, vat, (struct bytes){NULL, 0}, keep);
        lua_rawseti(L, -2, ++count);
        lkernel_check_running(L, kernel);
    }
    host_commit(kernel->host);
    lkernel_check_running(L, kernel);
    return 1;
}

/* try_upgrade(vat, { bundle }): what upgrade_all would report of it; nothing changes */
static int
l_try_upgrade(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    char sha256[SHA256_TEXT];
    uint64_t vat = read_upgrade(L, kernel, sha256);
    upgrade_one(L, kernel, vat, bytes_of(sha256), false);
    kernel_sweep_bundles(host_kernel(kernel->host));
    host_commit(kernel->host);
    lkernel_check_running(L, kernel);
    return 1;
}

/* compact(): { vats, deliveries, skipped, build } */
static int
l_compact(lua_State *L)
{
    static const struct lfield fields[] = {
        {"vats", LFIELD_INTEGER, offsetof(struct host_compacted, vats)},
        {"deliveries", LFIELD_INTEGER, offsetof(struct host_compacted, deliveries)},
        {"skipped", LFIELD_INTEGER, offsetof(struct host_compacted, skipped)},
        {NULL, LFIELD_TEXT, 0},
    };
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct host_compacted done;
    host_compact(kernel->host, &done);
    lkernel_check_running(L, kernel);
    char build[2 * VAT_BUILD_SIZE + 1];
    sodium_bin2hex(build, sizeof build, vat_build().data, VAT_BUILD_SIZE);
    lfields_push(L, &done, fields);
    lua_pushstring(L, build);
    lua_setfield(L, -2, "build");
    lkernel_tell_log(L, 1);
    return 1;
}

const luaL_Reg llife_methods[] = {
    {"terminate_vat", l_terminate_vat},
    {"terminate_cluster", l_terminate_cluster},
    {"suspend_vat", l_suspend_vat},
    {"resume_vat", l_resume_vat},
    {"heap_hash", l_heap_hash},
    {"install_bundle", l_install_bundle},
    {"upgrade_vat", l_upgrade_vat},
    {"upgrade_all", l_upgrade_all},
    {"try_upgrade", l_try_upgrade},
    {"compact", l_compact},
    {NULL, NULL},
};
