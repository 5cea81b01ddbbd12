/* References, handles, and what names them. */
#include "kernel/face/block.h"
#include "kernel/face/vats.h"
#include "module/lmodule.h"

#include <string.h>

static struct lref *
test_ref(lua_State *L, int index)
{
    struct lref *ref = luaL_testudata(L, index, REF_TYPE);
    return ref != NULL ? ref : luaL_testudata(L, index, HANDLE_TYPE);
}

void
lref_push(lua_State *L, int kernel, struct kref kref, bool already_held)
{
    kernel = lua_absindex(L, kernel);
    struct lkernel *owner = luaL_checkudata(L, kernel, KERNEL_TYPE);
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
    struct lref *ref = test_ref(L, 1);
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
    lua_pushstring(L, kref_print(test_ref(L, 1)->kref, text));
    return 1;
}

static int
l_equal(lua_State *L)
{
    struct lref *a = test_ref(L, 1);
    struct lref *b = test_ref(L, 2);
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

/* Names */

static struct kref
existing(lua_State *L, struct lkernel *kernel, struct kref kref, const char *text)
{
    if (!kernel_exists(host_kernel(kernel->host), kref)) {
        lkernel_check_store(L, kernel);
        lerror_raise(L, LERROR_NO_REFERENCE, "no such reference: %s", text);
    }
    return kref;
}

const char *
lref_text(lua_State *L, int at)
{
    size_t size;
    const char *text = lua_tolstring(L, at, &size);
    if (strlen(text) != size)
        lerror_raise(L, LERROR_NO_NAME,
            "no such name: \"%s\" goes on after a zero byte, which no name has", text);
    return text;
}

/* What a reference or handle stands for; none when the value is neither. */
static struct kref
kref_of(lua_State *L, struct lkernel *kernel, int index)
{
    struct lref *ref = test_ref(L, index);
    char text[REF_TEXT_MAX];
    if (ref == NULL)
        return KREF_NONE;
    if (ref->owner != kernel)
        lerror_raise(L, LERROR_MISUSE, "%s belongs to another kernel", kref_print(ref->kref, text));
    if (ref->released)
        lerror_raise(L, LERROR_STATE, "%s was released", kref_print(ref->kref, text));
    return ref->kref;
}

struct kref
lref_check(lua_State *L, int index, int at)
{
    struct lkernel *kernel = lkernel_check(L, index);
    struct kref kref = kref_of(L, kernel, at);
    if (!kref_is_none(kref))
        return kref;
    if (lua_type(L, at) != LUA_TSTRING)
        lerror_raise(L, LERROR_MISUSE, "a reference expected, such as \"ko20\", got %s",
            luaL_typename(L, at));
    const char *text = lref_text(L, at);
    kref = kref_parse(bytes_of(text));
    if (kref_is_none(kref))
        lerror_raise(L, LERROR_NO_REFERENCE,
            "no such reference: \"%s\" is not one, write \"ko20\" or \"kp40\"", text);
    return existing(L, kernel, kref, text);
}

uint64_t
lref_number_after(char letter, const char *text)
{
    if (text[0] != letter)
        return 0;
    struct buf name = {0};
    buf_format(&name, "ko%s", text + 1);
    uint64_t number = kref_number(kref_parse(buf_view(&name)));
    buf_free(&name);
    return number;
}

static uint64_t
vat_called(lua_State *L, struct lkernel *kernel, const char *text)
{
    struct kernel *k = host_kernel(kernel->host);
    struct vat_info info;
    uint64_t number = lref_number_after('v', text);
    if (number != 0)
        return kernel_vat_info(k, number, &info) ? number : 0;
    const char *dot = strchr(text, '.');
    uint64_t cluster = 0;
    if (dot != NULL) {
        lua_pushlstring(L, text, (size_t)(dot - text));
        cluster = lref_number_after('s', lua_tostring(L, -1));
        lua_pop(L, 1);
        if (cluster == 0)
            return 0;
        text = dot + 1;
    }
    if (kernel_vat_by_name(k, bytes_of(text), cluster, &number) > 1)
        lerror_raise(L, LERROR_MISUSE, "more than one cluster has a vat named \"%s\": say s1.%s",
            text, text);
    return number;
}

uint64_t
lref_vat(lua_State *L, int index, int at)
{
    struct lkernel *kernel = lkernel_check(L, index);
    if (lua_type(L, at) != LUA_TSTRING)
        lerror_raise(L, LERROR_MISUSE,
            "a vat's name or id expected, such as \"main\" or \"v1\", got %s",
            luaL_typename(L, at));
    const char *text = lref_text(L, at);
    uint64_t number = vat_called(L, kernel, text);
    lkernel_check_store(L, kernel);
    if (number == 0)
        lerror_raise(L, LERROR_NO_VAT, "no such vat: \"%s\"", text);
    return number;
}

struct kref
lref_target(lua_State *L, int index, int at)
{
    struct lkernel *kernel = lkernel_check(L, index);
    struct kref kref = kref_of(L, kernel, at);
    if (!kref_is_none(kref))
        return kref;
    if (lua_type(L, at) != LUA_TSTRING)
        lerror_raise(L, LERROR_MISUSE,
            "a target expected (a reference, handle, kref or vat), got %s", luaL_typename(L, at));
    const char *text = lref_text(L, at);
    kref = kref_parse(bytes_of(text));
    if (!kref_is_none(kref))
        return existing(L, kernel, kref, text);
    uint64_t vat = lref_vat(L, index, at);
    kref = kernel_root(host_kernel(kernel->host), vat);
    lkernel_check_store(L, kernel);
    if (kref_is_none(kref))
        lerror_raise(L, LERROR_NO_VAT, "no such vat: \"%s\" has been terminated", text);
    return kref;
}

/* Methods of the kernel */

static int
l_root(lua_State *L)
{
    lkernel_check_writable(L, 1);
    struct lkernel *kernel = lkernel_check(L, 1);
    struct kref kref = kernel_root(host_kernel(kernel->host), lref_vat(L, 1, 2));
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
    lref_push(L, 1, lref_check(L, 1, 2), false);
    return 1;
}

struct kref
lref_promise(lua_State *L, int index, int at)
{
    struct kref kref = lref_check(L, index, at);
    char text[REF_TEXT_MAX];
    if (!kref_is_promise(kref))
        lerror_raise(L, LERROR_MISUSE, "%s is an object, not a promise", kref_print(kref, text));
    return kref;
}

static int
l_promise(lua_State *L)
{
    lkernel_check_writable(L, 1);
    lref_push(L, 1, lref_promise(L, 1, 2), false);
    return 1;
}

static int
l_pin(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    kernel_pin(host_kernel(kernel->host), lref_target(L, 1, 2));
    return 0;
}

static int
l_unpin(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct kref kref = lref_target(L, 1, 2);
    char text[REF_TEXT_MAX];
    if (!kernel_unpin(host_kernel(kernel->host), kref))
        return lerror_raise(L, LERROR_STATE, "%s is not pinned", kref_print(kref, text));
    return 0;
}

static int
l_revoke(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct kref kref = lref_target(L, 1, 2);
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

static const luaL_Reg methods[] = {
    {"root", l_root},
    {"ref", l_get_ref},
    {"promise", l_promise},
    {"pin", l_pin},
    {"unpin", l_unpin},
    {"revoke", l_revoke},
    {NULL, NULL},
};

void
lref_methods(lua_State *L)
{
    luaL_setfuncs(L, methods, 1);
}
