/* Launching, from Lua: a cluster from its config, or one vat. */
#include "module/lmodule.h"

#include "host/launching.h"
#include "host/modules.h"
#include "kernel/face/bundles.h"
#include "kernel/face/vats.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Raises for a field of the wrong type; pushes it. False when it is not there. */
static bool
field(lua_State *L, int table, const char *name, int type)
{
    int got = lua_getfield(L, table, name);
    if (got == LUA_TNIL) {
        lua_pop(L, 1);
        return false;
    }
    if (got != type)
        lerror_raise(L, LERROR_MISUSE, "%s: a %s expected, got %s", name, lua_typename(L, type),
            lua_typename(L, got));
    return true;
}

/* Memory that Lua gives back, so that an error leaks nothing. It stays on the stack. */
static void *
scratch(lua_State *L, size_t size)
{
    return memset(lua_newuserdatauv(L, size + 1, 0), 0, size + 1);
}

static struct bytes
string_field(lua_State *L, int table, const char *name)
{
    size_t size;
    if (!field(L, table, name, LUA_TSTRING))
        lerror_raise(L, LERROR_MISUSE, "%s is missing", name);
    const char *text = lua_tolstring(L, -1, &size);
    lua_pop(L, 1); /* the table keeps it */
    return (struct bytes){(const uint8_t *)text, size};
}

const struct vat_module *
llaunch_modules(lua_State *L, int index, size_t *count)
{
    index = lua_absindex(L, index);
    luaL_checktype(L, index, LUA_TTABLE);
    *count = lua_rawlen(L, index);
    if (*count == 0)
        lerror_raise(L, LERROR_MISUSE, "a bundle is empty");
    struct vat_module *modules = scratch(L, *count * sizeof *modules);
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        luaL_checktype(L, -1, LUA_TTABLE);
        modules[i].name = string_field(L, lua_absindex(L, -1), "name");
        modules[i].source = string_field(L, lua_absindex(L, -1), "source");
        lua_pop(L, 1);
    }
    return modules;
}

/* The modules of a bundle that was installed under a name: they stay on the stack. */
static const struct vat_module *
named_modules(lua_State *L, const char *name, size_t *count)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    struct stored_bundle bundle;
    char *sha256 = kernel_bundle_named(host_kernel(kernel->host), bytes_of(name));
    lkernel_check_store(L, kernel);
    if (sha256 == NULL)
        lerror_raise(L, LERROR_NO_BUNDLE, "no such bundle: \"%s\"; install it first", name);
    struct buf why = {0};
    bool good = modules_read(host_kernel(kernel->host), bytes_of(sha256), &bundle, &why);
    free(sha256);
    if (!good)
        lerror_raise(L, LERROR_STATE, "%s", lkernel_push_text(L, &why));
    *count = bundle.count;
    struct vat_module *modules = scratch(L, *count * sizeof *modules);
    luaL_checkstack(L, (int)(2 * *count), "too many modules");
    for (size_t i = 0; i < *count; i++) {
        struct bytes *parts[] = {&modules[i].name, &modules[i].source};
        for (int part = 0; part < 2; part++) {
            struct bytes from = part == 0 ? bundle.modules[i].name : bundle.modules[i].source;
            lua_pushlstring(L, (const char *)from.data, from.size);
            parts[part]->data = (const uint8_t *)lua_tolstring(L, -1, &parts[part]->size);
        }
    }
    modules_free(&bundle);
    return modules;
}

/* The table at the index, with the kernel at index 1. Promises are refused: those of a vat are
   rejected when it is upgraded, while parameters are kept. */
struct blob *
llaunch_parameters(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    struct blob *parameters = lvalue_encode(L, 1, 1, "parameters");
    for (size_t i = 0; i < parameters->slot_count; i++) {
        if (kref_is_promise(parameters->slots[i])) {
            blob_drop(parameters);
            lerror_raise(
                L, LERROR_MISUSE, "parameters: a promise cannot be a parameter; await it first");
        }
    }
    return parameters;
}

/* The modules of the plan's table, which is on top of the stack: a list, or a bundle's name. */
static void
read_modules(lua_State *L, struct vat_plan *plan, int keep)
{
    int top = lua_gettop(L);
    if (lua_getfield(L, -1, "bundle") == LUA_TSTRING)
        plan->modules = named_modules(L, lname_text(L, -1), &plan->module_count);
    else
        plan->modules = llaunch_modules(L, -1, &plan->module_count);
    /* what the modules borrow from is kept until the launch is done */
    lua_createtable(L, lua_gettop(L) - top, 0);
    lua_insert(L, top + 1);
    for (int i = lua_gettop(L) - top - 1; i > 0; i--)
        lua_rawseti(L, top + 1, i);
    lua_rawsetp(L, keep, plan->modules);
    assert(lua_gettop(L) == top && plan->module_count > 0);
}

/* The plan's table is on top of the stack. What must live until the launch is put into keep. */
static void
read_plan(lua_State *L, struct vat_plan *plan, int keep)
{
    int table = lua_absindex(L, -1);
    plan->name = (const char *)string_field(L, table, "name").data;
    read_modules(L, plan, keep);
    if (lua_getfield(L, table, "options") != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
    }
    plan->settings = loptions_read(L);
    lua_pop(L, 1);
    if (lua_getfield(L, table, "parameters") != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
    }
    assert(plan->parameters == NULL);
    plan->parameters = llaunch_parameters(L, lua_gettop(L));
    lua_pop(L, 1);
    assert(lua_gettop(L) == table);
}

struct plans {
    struct vat_plan *list;
    size_t count;
};

/* Frees the parameters that were encoded, however the launch ends. */
static int
l_free_plans(lua_State *L)
{
    struct plans *plans = lua_touserdata(L, 1);
    for (size_t i = 0; i < plans->count; i++) {
        blob_drop(plans->list[i].parameters);
        plans->list[i].parameters = NULL;
    }
    return 0;
}

/* Reads the list of vats in the spec at index 2. Pushes what keeps the plans alive. */
static struct plans *
read_plans(lua_State *L)
{
    lua_newtable(L);
    int keep = lua_gettop(L);
    if (!field(L, 2, "vats", LUA_TTABLE))
        lerror_raise(L, LERROR_MISUSE, "vats is missing");
    size_t count = lua_rawlen(L, -1);
    struct plans *plans = scratch(L, sizeof *plans + count * sizeof *plans->list);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_free_plans);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    plans->list = (struct vat_plan *)(void *)(plans + 1);
    plans->count = count;
    lua_rawsetp(L, keep, plans);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        luaL_checktype(L, -1, LUA_TTABLE);
        read_plan(L, &plans->list[i], keep);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    assert(lua_gettop(L) == keep);
    return plans;
}

/* { name = reference } of the services that the spec at index 2 lists. */
static void
push_services(lua_State *L)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    lua_newtable(L);
    int services = lua_gettop(L);
    if (lua_getfield(L, 2, "services") == LUA_TTABLE) {
        lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
        for (lua_Integer i = 1; i <= count; i++) {
            lua_rawgeti(L, services + 1, i);
            const char *name = luaL_checkstring(L, -1);
            lref_push(L, 1, kernel_service(host_kernel(kernel->host), name), false);
            lua_setfield(L, services, name);
            lua_pop(L, 1);
        }
    }
    lua_settop(L, services);
}

/* Queues bootstrap(vats, services) for the vat of that name; pushes the handle. */
static void
send_bootstrap(lua_State *L, struct lkernel *kernel, const struct plans *plans, const char *name)
{
    struct kernel *k = host_kernel(kernel->host);
    struct kref target = KREF_NONE;
    int top = lua_gettop(L);
    lua_createtable(L, 0, (int)plans->count);
    for (size_t i = 0; i < plans->count; i++) {
        struct kref root = kernel_root(k, plans->list[i].vat);
        lref_push(L, 1, root, false);
        lua_setfield(L, -2, plans->list[i].name);
        if (strcmp(plans->list[i].name, name) == 0)
            target = root;
    }
    assert(!kref_is_none(target)); /* one of the vats has the name */
    push_services(L);
    struct blob *arguments = lvalue_encode(L, 1, 2, "args");
    struct kref result = kernel_send(k, target, bytes_of("bootstrap"), arguments);
    blob_drop(arguments);
    lref_push(L, 1, result, true);
    assert(lua_gettop(L) == top + 1);
    (void)top;
}

static bool
has_vat(const struct plans *plans, const char *name)
{
    for (size_t i = 0; i < plans->count; i++) {
        if (strcmp(plans->list[i].name, name) == 0)
            return true;
    }
    return false;
}

/* The named bundles of the spec at index 2. */
static void
install_bundles(lua_State *L, struct lkernel *kernel)
{
    char sha256[SHA256_TEXT];
    int top = lua_gettop(L);
    if (lua_getfield(L, 2, "bundles") == LUA_TTABLE) {
        lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
        for (lua_Integer i = 1; i <= count; i++) {
            lua_rawgeti(L, top + 1, i);
            struct bytes name = string_field(L, lua_absindex(L, -1), "name");
            lua_getfield(L, -1, "bundle");
            size_t modules_count;
            const struct vat_module *modules = llaunch_modules(L, -1, &modules_count);
            host_install_bundle(
                kernel->host, modules, modules_count, (const char *)name.data, sha256);
            lua_settop(L, top + 1);
        }
    }
    lua_settop(L, top);
}

/* Frees the error. */
static int
raise_unlaunched(lua_State *L, char *error)
{
    assert(error != NULL);
    lua_pushstring(L, error);
    free(error);
    lkernel_tell_log(L, 1);
    return lerror_raise(L, LERROR_UNLAUNCHED, "%s", lua_tostring(L, -1));
}

/* Pushes { id = "s1", vats = { name = "v1", ... } }. */
static void
push_cluster(lua_State *L, uint64_t cluster, const struct plans *plans)
{
    lua_newtable(L);
    lua_pushfstring(L, "s%I", (LUAI_UACINT)cluster);
    lua_setfield(L, -2, "id");
    lua_createtable(L, 0, (int)plans->count);
    for (size_t i = 0; i < plans->count; i++) {
        assert(plans->list[i].vat != 0);
        lua_pushfstring(L, "v%I", (LUAI_UACINT)plans->list[i].vat);
        lua_setfield(L, -2, plans->list[i].name);
    }
    lua_setfield(L, -2, "vats");
}

static int
l_launch_cluster(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    const char *bootstrap = NULL;
    if (field(L, 2, "bootstrap", LUA_TSTRING))
        bootstrap = lua_tostring(L, -1);
    struct plans *plans = read_plans(L);
    if (bootstrap != NULL && !has_vat(plans, bootstrap))
        return lerror_raise(L, LERROR_MISUSE, "bootstrap: no vat is named \"%s\"", bootstrap);
    uint64_t cluster;
    char *error = NULL;
    bool good = host_launch(kernel->host, plans->list, plans->count, &cluster, bootstrap, &error);
    if (!good)
        return raise_unlaunched(L, error);
    install_bundles(L, kernel);
    push_cluster(L, cluster, plans);
    if (bootstrap != NULL) {
        send_bootstrap(L, kernel, plans, bootstrap);
        lua_setfield(L, -2, "bootstrap");
    }
    host_crank_done(kernel->host); /* no crash comes between the vats and their bootstrap */
    lkernel_tell_log(L, 1);
    lkernel_check_running(L, kernel);
    return 1;
}

/* Makes of the vat's table at index 2 a spec of one vat there: { vats = { it } }. */
static void
wrap_vat(lua_State *L)
{
    lua_settop(L, 2);
    lua_createtable(L, 1, 0);
    lua_insert(L, 2);
    lua_rawseti(L, 2, 1);
    lua_createtable(L, 0, 1);
    lua_insert(L, 2);
    lua_setfield(L, 2, "vats");
    assert(lua_gettop(L) == 2);
}

/* Whether a vat without a cluster has this name. */
static bool
is_taken(struct kernel *kernel, const char *name)
{
    uint64_t other;
    struct vat_info info;
    return kernel_vat_by_name(kernel, bytes_of(name), 0, &other) == 1 &&
           kernel_vat_info(kernel, other, &info) && info.cluster == 0;
}

/* create_vat({ name, bundle, parameters, options }, call): the vat's id and its root. With a call
   of vat_admin, that is answered in the same crank. */
static int
l_create_vat(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Integer call = luaL_optinteger(L, 3, 0);
    wrap_vat(L);
    struct kernel *k = host_kernel(kernel->host);
    struct vat_plan *plan = read_plans(L)->list;
    plan->call = (uint64_t)call;
    if (call != 0)
        plan->cluster = kernel_call_cluster(k, plan->call);
    else if (is_taken(k, plan->name))
        return lerror_raise(L, LERROR_STATE, "a vat named \"%s\" is there already", plan->name);
    char *error = NULL;
    bool good = host_launch(kernel->host, plan, 1, NULL, NULL, &error);
    if (!good)
        return raise_unlaunched(L, error);
    assert(plan->vat != 0);
    lua_pushfstring(L, "v%I", (LUAI_UACINT)plan->vat);
    lref_push(L, 1, kernel_root(k, plan->vat), false);
    host_crank_done(kernel->host);
    lkernel_tell_log(L, 1);
    lkernel_check_running(L, kernel);
    return 2;
}

const luaL_Reg llaunch_methods[] = {
    {"launch_cluster", l_launch_cluster},
    {"create_vat", l_create_vat},
    {"create_vat_for", l_create_vat}, /* the same, with a call of vat_admin behind it */
    {NULL, NULL},
};
