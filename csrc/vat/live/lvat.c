/* The vat object, which the build function is given. */
#include "vat/live/llive.h"

#include "value/errorvalue.h"
#include "vat/durable/collection.h"
#include "vat/durable/kind.h"
#include "vat/durable/ldurable.h"
#include "vat/internal.h"
#include "vat/live/outgoing.h"
#include "vat/live/settled.h"
#include "vat/live/slots.h"
#include "vat/live/watch.h"
#include "vat/machine/limit.h"
#include "vat/noun/api.h"

static int
l_now(lua_State *L)
{
    lua_pushnumber(L, vat_of(L)->run.delivery.now);
    return 1;
}

static void
begin_exit(lua_State *L, const char *name, const char *root)
{
    struct vat *vat = vat_of(L);
    lua_settop(L, 1);
    if (vat->run.exited)
        luaL_error(L, "vat.%s: this vat has ended already", name);
    slots_encode(L, 1, 1, root, false);
    vat->run.exited = true;
}

static int
l_exit(lua_State *L)
{
    begin_exit(L, "exit", "value");
    outgoing_exit(L, false);
    slots_commit(L);
    settled_tell_exports(L);
    return 0;
}

static int
l_exit_with_failure(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING) {
        errorvalue_push(L, "Error", "%s", lua_tostring(L, 1));
        lua_replace(L, 1);
    }
    begin_exit(L, "exit_with_failure", "reason");
    buf_clear(&vat_of(L)->run.syscalls);
    outgoing_exit(L, true);
    limit_fault(FAULT_EXIT);
}

static const luaL_Reg functions[] = {
    {"now", l_now},
    {"range", lstore_range},
    {"kind", kind_define},
    {"map", collection_map},
    {"set", collection_set},
    {"watch", watch_add},
    {"exit", l_exit},
    {"exit_with_failure", l_exit_with_failure},
    {NULL, NULL},
};

void
lvat_push(lua_State *L)
{
    const struct delivery *start = &vat_of(L)->run.delivery;
    luaL_newlib(L, functions);
    lua_pushlstring(L, (const char *)start->name.data, start->name.size);
    lua_setfield(L, -2, "name");
    lua_pushinteger(L, (lua_Integer)start->incarnation);
    lua_setfield(L, -2, "incarnation");
    lstore_push(L, FACE_BAGGAGE, 0, (struct bytes){NULL, 0});
    lua_setfield(L, -2, "baggage");
    lstore_push(L, FACE_VATSTORE, 0, (struct bytes){NULL, 0});
    lua_setfield(L, -2, "vatstore");
    api_push(L, "vat", NULL);
}
