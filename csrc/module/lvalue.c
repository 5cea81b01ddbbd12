/* Values between the host's Lua and the kernel. */
#include "module/lmodule.h"

#include "base/memory.h"
#include "base/read.h"
#include "kernel/face/vats.h"
#include "value/marshal.h"
#include "value/unmarshal.h"

#include <assert.h>
#include <stdlib.h>

struct value_context {
    struct lkernel *kernel;
    int index; /* of its userdata */
    struct blob *value;
    uint64_t vat; /* of a durable value: the slots are its vrefs */
    struct vref *vrefs;
    size_t vref_count;
};

/* Out */

static bool
refer(lua_State *L, void *context, int index, struct marshal_ref *out)
{
    struct value_context *value = context;
    struct lref *ref = luaL_testudata(L, index, REF_TYPE);
    if (ref == NULL)
        ref = luaL_testudata(L, index, HANDLE_TYPE);
    if (ref == NULL)
        return false;
    struct kref kref = lname_kref(L, value->index, index);
    *out = (struct marshal_ref){.word = kref.word, .promise = kref_is_promise(kref)};
    if (!out->promise) {
        out->interface = kernel_interface(host_kernel(value->kernel->host), kref);
    }
    return true;
}

static struct marshal_out encoder; /* used again and again; one thread */

/* What marshalling raises of its own, here without a place, becomes data. Takes the context, the
   kernel, the root, and the values. */
static int
p_encode(lua_State *L)
{
    static const struct marshal_ops ops = {
        .refer = refer, .no_function = "a function cannot be passed to a vat; offer a service"};
    enum { FIRST = 4 };
    struct marshal_path path = {lua_touserdata(L, 3), true};
    marshal_encode(L, FIRST, lua_gettop(L) - FIRST + 1, path, &encoder, &ops, lua_touserdata(L, 1));
    return 0;
}

struct blob *
lvalue_encode(lua_State *L, int kernel, int count, const char *root)
{
    struct value_context context = {.kernel = lkernel_check(L, kernel), .index = 2};
    kernel = lua_absindex(L, kernel);
    int first = lua_gettop(L) - count + 1;
    assert(count >= 0 && kernel < first);
    luaL_checkstack(L, 4, NULL);
    lua_pushcfunction(L, p_encode);
    lua_pushlightuserdata(L, &context);
    lua_pushvalue(L, kernel);
    lua_pushlightuserdata(L, (void *)(uintptr_t)root);
    lua_rotate(L, first, 4);
    if (lua_pcall(L, count + 3, 0, 0) != LUA_OK)
        lerror_again_as(L, LERROR_VALUE);
    assert(lua_gettop(L) == first - 1);
    struct kref *krefs = memory_new((encoder.slots.count + 1) * sizeof *krefs);
    for (size_t i = 0; i < encoder.slots.count; i++)
        krefs[i] = (struct kref){encoder.slots.items[i].vref.word};
    struct blob *blob = blob_new(buf_view(&encoder.body), krefs, encoder.slots.count);
    free(krefs);
    return blob;
}

/* In */

static void
push_slot(lua_State *L, void *context, uint64_t slot, bool promise, struct bytes interface)
{
    struct value_context *value = context;
    (void)interface;
    struct kref kref = KREF_NONE;
    if (value->value != NULL && slot < value->value->slot_count) {
        kref = value->value->slots[slot];
    } else if (value->value == NULL && slot < value->vref_count) {
        struct kernel *k = host_kernel(value->kernel->host);
        kref = kernel_kref_of(k, value->vat, value->vrefs[slot]);
        if (kref_is_none(kref) && vref_kind(value->vrefs[slot]) == REF_DURABLE) {
            /* an object that never left its vat has no kref */
            char text[REF_TEXT_MAX];
            lua_pushstring(L, vref_print(value->vrefs[slot], text));
            return;
        }
    }
    if (kref_is_none(kref) || kref_is_promise(kref) != promise)
        lerror_raise(L, LERROR_VALUE, "malformed value");
    /* a reader holds nothing */
    bool readonly = value->kernel->readonly;
    lref_push(L, value->index, kref, readonly);
    if (readonly)
        ((struct lref *)lua_touserdata(L, -1))->released = true;
}

/* Takes the context, the kernel and the body; gives the values. */
static int
p_decode(lua_State *L)
{
    static const struct marshal_ops ops = {.push = push_slot};
    const struct bytes *body = lua_touserdata(L, 3);
    return unmarshal_push(L, *body, &ops, lua_touserdata(L, 1));
}

/* Pushes the values of a body; returns how many. */
static int
decode(lua_State *L, int kernel, struct value_context *context, struct bytes body)
{
    kernel = lua_absindex(L, kernel);
    context->index = 2;
    int top = lua_gettop(L);
    luaL_checkstack(L, 4, NULL);
    lua_pushcfunction(L, p_decode);
    lua_pushlightuserdata(L, context);
    lua_pushvalue(L, kernel);
    lua_pushlightuserdata(L, &body);
    bool good = lua_pcall(L, 3, LUA_MULTRET, 0) == LUA_OK;
    blob_drop(context->value);
    return good ? lua_gettop(L) - top : lerror_again_as(L, LERROR_VALUE);
}

int
lvalue_push(lua_State *L, int kernel, struct blob *value)
{
    struct value_context context = {.kernel = lkernel_check(L, kernel)};
    context.value = blob_hold(value);
    return decode(L, kernel, &context, blob_bytes(value));
}

int
lvalue_push_durable(lua_State *L, int kernel, uint64_t vat, struct bytes body, struct bytes slots)
{
    size_t count = 0;
    struct reader reader = reader_of(slots);
    struct vref *vrefs = lua_newuserdatauv(L, (slots.size + 1) * sizeof *vrefs, 0);
    while (read_more(&reader))
        vrefs[count++] = (struct vref){read_number(&reader)};
    assert(count <= slots.size); /* each took a byte at least */
    struct value_context context = {
        .kernel = lkernel_check(L, kernel), .vat = vat, .vrefs = vrefs, .vref_count = count};
    int pushed = decode(L, kernel, &context, body);
    lua_remove(L, -1 - pushed);
    return pushed;
}
