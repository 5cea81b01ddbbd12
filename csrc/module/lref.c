/* References and handles: what holds an object or promise of the kernel. */
#include "module/lmodule.h"

#include "kernel/face/block.h"
#include "kernel/face/vats.h"

#include <assert.h>
#include <string.h>

struct lref *
lref_test(lua_State *L, int index)
{
    struct lref *ref = luaL_testudata(L, index, REF_TYPE);
    return ref != NULL ? ref : luaL_testudata(L, index, HANDLE_TYPE);
}

void
lref_push(lua_State *L, int kernel, struct kref kref, bool already_held)
{
    kernel = lua_absindex(L, kernel);
    struct lkernel *owner = luaL_checkudata(L, kernel, KERNEL_TYPE);
    assert(owner->host != NULL && !kref_is_none(kref));
    struct lref *ref = lua_newuserdatauv(L, sizeof *ref, 1);
    *ref = (struct lref){owner, kref, true};
    lua_pushvalue(L, kernel);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, kref_is_promise(kref) ? HANDLE_TYPE : REF_TYPE);
    if (!already_held)
        kernel_hold(host_kernel(owner->host), kref);
    ref->released = false;
}

static int
l_release(lua_State *L)
{
    struct lref *ref = lref_test(L, 1);
    luaL_argcheck(L, ref != NULL, 1, "a reference or handle expected");
    if (!ref->released && ref->owner->host != NULL)
        kernel_release(host_kernel(ref->owner->host), ref->kref);
    ref->released = true;
    return 0;
}

static int
l_tostring(lua_State *L)
{
    char text[REF_TEXT_MAX];
    lua_pushstring(L, kref_print(lref_test(L, 1)->kref, text));
    return 1;
}

static int
l_equal(lua_State *L)
{
    struct lref *a = lref_test(L, 1);
    struct lref *b = lref_test(L, 2);
    lua_pushboolean(
        L, a != NULL && b != NULL && a->owner == b->owner && kref_equal(a->kref, b->kref));
    return 1;
}

/* Handles */

/* A handle that is still good, with its kernel pushed. */
static struct lref *
check_handle(lua_State *L)
{
    struct lref *handle = luaL_checkudata(L, 1, HANDLE_TYPE);
    char text[REF_TEXT_MAX];
    if (handle->released)
        lerror_raise(
            L, LERROR_STATE, "the handle of %s was released", kref_print(handle->kref, text));
    lua_getiuservalue(L, 1, 1);
    assert(lua_touserdata(L, -1) == handle->owner);
    lkernel_check(L, -1);
    return handle;
}

static enum settled
look(struct lref *handle, struct blob **value)
{
    return kernel_outcome(host_kernel(handle->owner->host), handle->kref, value);
}

/* What is seen from outside is committed first. */
static void
commit_first(lua_State *L, struct lkernel *kernel)
{
    if (!kernel->readonly && kernel_is_dirty(host_kernel(kernel->host)))
        host_commit(kernel->host);
    lkernel_check_running(L, kernel);
    assert(kernel->readonly || !kernel_is_dirty(host_kernel(kernel->host)));
}

static int
l_status(lua_State *L)
{
    static const char *const names[] = {"unresolved", "fulfilled", "rejected"};
    struct blob *value;
    struct lref *handle = check_handle(L);
    lua_pushstring(L, names[look(handle, &value)]);
    lkernel_check_store(L, handle->owner);
    return 1;
}

static int
l_values(lua_State *L)
{
    struct lref *handle = check_handle(L);
    char text[REF_TEXT_MAX];
    commit_first(L, handle->owner);
    struct blob *value;
    enum settled how = look(handle, &value);
    if (how == SETTLED_NOT)
        return lerror_raise(L, LERROR_STATE, "%s is unresolved: run the kernel first",
            kref_print(handle->kref, text));
    int count = lvalue_push(L, 2, value);
    return how == SETTLED_REJECTED ? lua_error(L) : count;
}

static int
l_reason(lua_State *L)
{
    struct lref *handle = check_handle(L);
    commit_first(L, handle->owner);
    struct blob *value;
    if (look(handle, &value) != SETTLED_REJECTED)
        return 0;
    return lvalue_push(L, 2, value);
}

static int
l_handle_index(lua_State *L)
{
    struct lref *handle = luaL_checkudata(L, 1, HANDLE_TYPE);
    char text[REF_TEXT_MAX];
    if (lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "kref") == 0) {
        lua_pushstring(L, kref_print(handle->kref, text));
        return 1;
    }
    lua_settop(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    return 1;
}

static int
l_ref_index(lua_State *L)
{
    struct lref *ref = luaL_checkudata(L, 1, REF_TYPE);
    char text[REF_TEXT_MAX];
    const char *key = luaL_tolstring(L, 2, NULL);
    if (strcmp(key, "kref") == 0)
        lua_pushstring(L, kref_print(ref->kref, text));
    else if (strcmp(key, "release") == 0)
        lua_pushcfunction(L, l_release);
    else
        return lerror_raise(L, LERROR_MISUSE, "%s is a reference: write k:call(%s, \"%s\", ...)",
            kref_print(ref->kref, text), text, key);
    return 1;
}

/* Methods of the kernel */

static int
l_root(lua_State *L)
{
    lkernel_check_writable(L, 1);
    struct lkernel *kernel = lkernel_check(L, 1);
    struct kref kref = kernel_root(host_kernel(kernel->host), lname_vat(L, 1, 2));
    lkernel_check_store(L, kernel);
    if (kref_is_none(kref))
        return lerror_raise(
            L, LERROR_NO_VAT, "no such vat: \"%s\" has been terminated", lua_tostring(L, 2));
    lref_push(L, 1, kref, false);
    return 1;
}

static int
l_get_ref(lua_State *L)
{
    lkernel_check_writable(L, 1);
    lref_push(L, 1, lname_kref(L, 1, 2), false);
    return 1;
}

static int
l_promise(lua_State *L)
{
    lkernel_check_writable(L, 1);
    lref_push(L, 1, lname_promise(L, 1, 2), false);
    return 1;
}

static int
l_pin(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    kernel_pin(host_kernel(kernel->host), lname_target(L, 1, 2));
    return 0;
}

static int
l_unpin(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct kref kref = lname_target(L, 1, 2);
    char text[REF_TEXT_MAX];
    if (!kernel_unpin(host_kernel(kernel->host), kref))
        return lerror_raise(L, LERROR_STATE, "%s is not pinned", kref_print(kref, text));
    return 0;
}

static int
l_revoke(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct kref kref = lname_target(L, 1, 2);
    char text[REF_TEXT_MAX];
    if (!kernel_revoke(host_kernel(kernel->host), kref))
        return lerror_raise(L, LERROR_MISUSE, "%s is a promise; only objects can be revoked",
            kref_print(kref, text));
    return 0;
}

/* Registration */

static const luaL_Reg ref_meta[] = {
    {"__index", l_ref_index},
    {"__tostring", l_tostring},
    {"__eq", l_equal},
    {"__gc", l_release},
    {NULL, NULL},
};

static const luaL_Reg handle_methods[] = {
    {"status", l_status},
    {"values", l_values},
    {"reason", l_reason},
    {"release", l_release},
    {NULL, NULL},
};

static const luaL_Reg handle_meta[] = {
    {"__tostring", l_tostring},
    {"__eq", l_equal},
    {"__gc", l_release},
    {NULL, NULL},
};

/* The metatable of a type, made when it is not there; the face is on top of the stack. */
static void
set_meta(lua_State *L, const char *type, const luaL_Reg *functions)
{
    luaL_newmetatable(L, type);
    lua_pushvalue(L, -2);
    luaL_setfuncs(L, functions, 1);
}

void
lref_open(lua_State *L)
{
    set_meta(L, REF_TYPE, ref_meta);
    lua_pop(L, 1);
    set_meta(L, HANDLE_TYPE, handle_meta);
    luaL_newlibtable(L, handle_methods);
    lua_pushvalue(L, -3);
    luaL_setfuncs(L, handle_methods, 1);
    lua_pushcclosure(L, l_handle_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 2);
}

const luaL_Reg lref_methods[] = {
    {"root", l_root},
    {"ref", l_get_ref},
    {"promise", l_promise},
    {"pin", l_pin},
    {"unpin", l_unpin},
    {"revoke", l_revoke},
    {NULL, NULL},
};
