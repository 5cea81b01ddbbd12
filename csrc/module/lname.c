/* What names a reference or a vat, and what is named. */
#include "module/lmodule.h"

#include "kernel/face/vats.h"

#include <assert.h>
#include <string.h>

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
lname_text(lua_State *L, int at)
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
    struct lref *ref = lref_test(L, index);
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
lname_kref(lua_State *L, int index, int at)
{
    struct lkernel *kernel = lkernel_check(L, index);
    struct kref kref = kref_of(L, kernel, at);
    if (!kref_is_none(kref))
        return kref;
    if (lua_type(L, at) != LUA_TSTRING)
        lerror_raise(L, LERROR_MISUSE, "a reference expected, such as \"ko20\", got %s",
            luaL_typename(L, at));
    const char *text = lname_text(L, at);
    kref = kref_parse(bytes_of(text));
    if (kref_is_none(kref))
        lerror_raise(L, LERROR_NO_REFERENCE,
            "no such reference: \"%s\" is not one, write \"ko20\" or \"kp40\"", text);
    return existing(L, kernel, kref, text);
}

uint64_t
lname_number_after(char letter, const char *text)
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
    uint64_t number = lname_number_after('v', text);
    if (number != 0)
        return kernel_vat_info(k, number, &info) ? number : 0;
    const char *dot = strchr(text, '.');
    uint64_t cluster = 0;
    if (dot != NULL) {
        lua_pushlstring(L, text, (size_t)(dot - text));
        cluster = lname_number_after('s', lua_tostring(L, -1));
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
lname_vat(lua_State *L, int index, int at)
{
    struct lkernel *kernel = lkernel_check(L, index);
    if (lua_type(L, at) != LUA_TSTRING)
        lerror_raise(L, LERROR_MISUSE,
            "a vat's name or id expected, such as \"main\" or \"v1\", got %s",
            luaL_typename(L, at));
    const char *text = lname_text(L, at);
    uint64_t number = vat_called(L, kernel, text);
    lkernel_check_store(L, kernel);
    if (number == 0)
        lerror_raise(L, LERROR_NO_VAT, "no such vat: \"%s\"", text);
    return number;
}

struct kref
lname_target(lua_State *L, int index, int at)
{
    struct lkernel *kernel = lkernel_check(L, index);
    struct kref kref = kref_of(L, kernel, at);
    if (!kref_is_none(kref))
        return kref;
    if (lua_type(L, at) != LUA_TSTRING)
        lerror_raise(L, LERROR_MISUSE,
            "a target expected (a reference, handle, kref or vat), got %s", luaL_typename(L, at));
    const char *text = lname_text(L, at);
    kref = kref_parse(bytes_of(text));
    if (!kref_is_none(kref))
        return existing(L, kernel, kref, text);
    uint64_t vat = lname_vat(L, index, at);
    kref = kernel_root(host_kernel(kernel->host), vat);
    lkernel_check_store(L, kernel);
    if (kref_is_none(kref))
        lerror_raise(L, LERROR_NO_VAT, "no such vat: \"%s\" has been terminated", text);
    assert(!kref_is_promise(kref));
    return kref;
}

struct kref
lname_promise(lua_State *L, int index, int at)
{
    struct kref kref = lname_kref(L, index, at);
    char text[REF_TEXT_MAX];
    if (!kref_is_promise(kref))
        lerror_raise(L, LERROR_MISUSE, "%s is an object, not a promise", kref_print(kref, text));
    return kref;
}
