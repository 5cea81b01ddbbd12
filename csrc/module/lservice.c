/* Calls of the host's objects, from Lua. The calls themselves are answered by functions in
 * lua/moonvat/service.lua; here is what they need of the kernel. */
#include "module/lmodule.h"

#include "kernel/face/bundles.h"
#include "kernel/face/vats.h"

#include <assert.h>
#include <stdlib.h>

static const char server; /* its address: where the registry keeps the function */

/* { seq, service, object, subject, method, crank, syscall, arguments = { n = n, ... } } */
static void
push_call(lua_State *L, const struct service_call *call)
{
    static const struct lfield fields[] = {
        {"seq", LFIELD_INTEGER, offsetof(struct service_call, seq)},
        {"service", LFIELD_BLOB, offsetof(struct service_call, service)},
        {"object", LFIELD_KREF, offsetof(struct service_call, object)},
        {"subject", LFIELD_VAT, offsetof(struct service_call, subject)},
        {"method", LFIELD_BLOB, offsetof(struct service_call, method)},
        {"crank", LFIELD_INTEGER, offsetof(struct service_call, crank)},
        {"syscall", LFIELD_INTEGER, offsetof(struct service_call, syscall)},
        {NULL, LFIELD_TEXT, 0},
    };
    assert(call->seq != 0 && !kref_is_promise(call->object));
    lfields_push(L, call, fields);
    lua_newtable(L);
    int list = lua_gettop(L);
    int count = lvalue_push(L, 1, call->arguments);
    for (int i = count; i > 0; i--)
        lua_rawseti(L, list, i);
    lua_pushinteger(L, count);
    lua_setfield(L, list, "n");
    lua_setfield(L, -2, "arguments");
}

bool
lservice_serve(lua_State *L, struct lkernel *kernel)
{
    struct service_call call;
    int top = lua_gettop(L);
    if (!kernel_next_call(host_kernel(kernel->host), &call))
        return false;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &server) != LUA_TFUNCTION) {
        lua_pop(L, 1);
        return false;
    }
    lua_pushvalue(L, 1);
    push_call(L, &call);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        lerror_again(L);
    lkernel_check_open(L, kernel, "a service");
    assert(lua_gettop(L) == top);
    (void)top;
    return true;
}

/* core.set_server(function(k, call)): who answers calls */
static int
l_set_server(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &server);
    return 0;
}

/* Answering */

static void
must_wait(lua_State *L, bool waits)
{
    if (!waits)
        lerror_raise(L, LERROR_STATE, "this call has been answered already");
}

/* Who answered is told when that cannot be committed. */
static void
crank_done(lua_State *L, struct lkernel *kernel)
{
    host_crank_done(kernel->host);
    lkernel_check_running(L, kernel);
}

/* answer(seq, fulfilled, values or reason...) */
static int
l_answer(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    uint64_t seq = (uint64_t)luaL_checkinteger(L, 2);
    bool fulfilled = lua_toboolean(L, 3);
    int count = lua_gettop(L) > 3 ? lua_gettop(L) - 3 : 0;
    struct blob *value = lvalue_encode(L, 1, count, fulfilled ? "result" : "reason");
    bool waits = kernel_answer(host_kernel(kernel->host), seq, fulfilled, value);
    blob_drop(value);
    must_wait(L, waits);
    crank_done(L, kernel);
    return 0;
}

/* answer_at_end(seq, vat): the call is answered as the vat ends */
static int
l_answer_at_end(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    uint64_t seq = (uint64_t)luaL_checkinteger(L, 2);
    uint64_t vat = lname_number_after('v', luaL_checkstring(L, 3)); /* it may have ended */
    kernel_answer_at_end(host_kernel(kernel->host), seq, vat);
    crank_done(L, kernel);
    return 0;
}

/* answer_by_upgrade(seq, vat, bundle name, parameters or nil) */
static int
l_answer_by_upgrade(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct kernel *k = host_kernel(kernel->host);
    uint64_t seq = (uint64_t)luaL_checkinteger(L, 2);
    uint64_t vat = lname_vat(L, 1, 3);
    struct blob *parameters = NULL;
    struct vat_info info;
    if (kernel_vat_info(k, vat, &info) && info.state == VAT_TERMINATED)
        return lerror_raise(L, LERROR_STATE,
            "%s has been terminated; nothing can be upgraded there", lua_tostring(L, 3));
    char *sha256 = kernel_bundle_named(k, bytes_of(luaL_checkstring(L, 4)));
    lkernel_check_store(L, kernel);
    if (sha256 == NULL)
        return lerror_raise(L, LERROR_NO_BUNDLE, "no such bundle: \"%s\"", lua_tostring(L, 4));
    lua_pushstring(L, sha256);
    free(sha256);
    if (!lua_isnoneornil(L, 5))
        parameters = llaunch_parameters(L, 5);
    bool waits = kernel_answer_by_upgrade(k, seq, vat, bytes_of(lua_tostring(L, -1)), parameters);
    blob_drop(parameters);
    must_wait(L, waits);
    crank_done(L, kernel);
    return 0;
}

/* service(name): the reference of a service's object */
static int
l_service(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    lref_push(L, 1, kernel_service(host_kernel(kernel->host), luaL_checkstring(L, 2)), false);
    return 1;
}

/* host_object(interface): a new object whose calls are shown; pinned */
static int
l_host_object(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct kref kref = kernel_host_object(host_kernel(kernel->host), luaL_checkstring(L, 2));
    lref_push(L, 1, kref, false);
    return 1;
}

const luaL_Reg lservice_methods[] = {
    {"answer", l_answer},
    {"answer_at_end", l_answer_at_end},
    {"answer_by_upgrade", l_answer_by_upgrade},
    {"service", l_service},
    {"host_object", l_host_object},
    {NULL, NULL},
};

const luaL_Reg lservice_functions[] = {
    {"set_server", l_set_server},
    {NULL, NULL},
};
