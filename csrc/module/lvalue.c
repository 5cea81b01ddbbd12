/* Values between the host's Lua and the kernel. */
#include "base/memory.h"
#include "base/read.h"
#include "kernel/face/vats.h"
#include "module/lmodule.h"
#include "value/marshal.h"
#include "value/unmarshal.h"

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
    struct kref kref = lref_check(L, value->index, index);
    *out = (struct marshal_ref){.word = kref.word, .promise = kref_is_promise(kref)};
    if (!out->promise) {
        out->interface = kernel_interface(host_kernel(value->kernel->host), kref);
    }
    return true;
}

static struct marshal_out encoder; /* used again and again; one thread */

struct blob *
lvalue_encode(lua_State *L, int kernel, int first, int count, const char *root)
{
    static const struct marshal_ops ops = {
        .refer = refer, .no_function = "a function cannot be passed to a vat; offer a service"};
    struct value_context context = {
        lkernel_check(L, kernel), lua_absindex(L, kernel), NULL, 0, NULL, 0};
    struct marshal_path path = {root, true};
    marshal_encode(L, first, count, path, &encoder, &ops, &context);
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
        luaL_error(L, "malformed value");
    /* a reader holds nothing */
    bool readonly = value->kernel->readonly;
    lref_push(L, value->index, kref, readonly);
    if (readonly)
        ((struct lref *)lua_touserdata(L, -1))->released = true;
}

static const struct marshal_ops reading = {.push = push_slot};

int
lvalue_push(lua_State *L, int kernel, struct blob *value)
{
    struct value_context context = {
        lkernel_check(L, kernel), lua_absindex(L, kernel), blob_hold(value), 0, NULL, 0};
    int count = unmarshal_push(L, blob_bytes(value), &reading, &context);
    blob_drop(value);
    return count;
}

int
lvalue_push_durable(lua_State *L, int kernel, uint64_t vat, struct bytes body, struct bytes slots)
{
    size_t count = 0;
    struct reader reader = reader_of(slots);
    struct vref *vrefs = lua_newuserdatauv(L, (slots.size + 1) * sizeof *vrefs, 0);
    while (read_more(&reader))
        vrefs[count++] = (struct vref){read_number(&reader)};
    struct value_context context = {
        lkernel_check(L, kernel), lua_absindex(L, kernel), NULL, vat, vrefs, count};
    int pushed = unmarshal_push(L, body, &reading, &context);
    lua_remove(L, -1 - pushed);
    return pushed;
}
