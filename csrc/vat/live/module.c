#include "vat/live/module.h"

#include "vat/internal.h"
#include "vat/machine/limit.h"
#include "vat/machine/sandbox.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/registry.h"

#include <assert.h>

#define SOURCE_MAX (128 * 1024)

/* Pushes the module's main chunk, compiled. */
static void
push_chunk(lua_State *L, const struct vat_module *module)
{
    lua_pushlstring(L, (const char *)module->name.data, module->name.size);
    const char *name = lua_tostring(L, -1);
    if (module->source.size > SOURCE_MAX)
        luaL_error(L, "%s: larger than 128 KiB, the limit of one source module", name);
    limit_charge(L, module->source.size);
    const char *chunk = lua_pushfstring(L, "@%s", name);
    const char *text = (const char *)module->source.data;
    if (sandbox_compile(L, text, module->source.size, chunk) != LUA_OK)
        lua_error(L);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

void
module_push_main(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    const struct vat *vat = vat_of(L);
    if (vat->modules.count == 0)
        luaL_error(L, "the bundle has no main chunk");
    push_chunk(L, &vat->modules.items[0]);
    ls->loading++;
    lua_call(L, 0, 1); /* an error ends the vat's start, and undoes all */
    ls->loading--;
    assert(ls->loading == 0);
}

static const struct vat_module *
find(lua_State *L, struct bytes name)
{
    const struct vat *vat = vat_of(L);
    for (size_t i = 1; i < vat->modules.count; i++) {
        if (bytes_equal(vat->modules.items[i].name, name))
            return &vat->modules.items[i];
    }
    return NULL;
}

static int
fail_missing(lua_State *L, const char *name)
{
    const struct vat *vat = vat_of(L);
    lua_pushstring(L, vat->modules.count < 2 ? "no modules" : "");
    for (size_t i = 1; i < vat->modules.count; i++) {
        struct bytes module = vat->modules.items[i].name;
        lua_pushlstring(L, (const char *)module.data, module.size);
        lua_pushfstring(L, "%s%s%s", lua_tostring(L, -2), i > 1 ? ", " : "", lua_tostring(L, -1));
        lua_replace(L, -3);
        lua_pop(L, 1);
    }
    return luaL_error(
        L, "module '%s' not found in the bundle; it has: %s", name, lua_tostring(L, -1));
}

/* Runs the chunk on top and leaves what the module is. */
static void
load_module(lua_State *L, const char *name)
{
    struct liveslots *ls = liveslots_of(L);
    lua_pushstring(L, name);
    ls->loading++;
    int status = lua_pcall(L, 1, 1, 0);
    ls->loading--;
    assert(ls->loading >= 0);
    if (status != LUA_OK) {
        lua_pushnil(L);
        lua_setfield(L, 2, name);
        lua_error(L);
    }
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
}

static int
l_require(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TSTRING)
        return luaL_error(L, "require takes a module's name, got %s", luaL_typename(L, 1));
    lua_settop(L, 1);
    struct bytes bytes;
    bytes.data = (const uint8_t *)lua_tolstring(L, 1, &bytes.size);
    const char *name = (const char *)bytes.data;
    registry_push(L, liveslots_of(L)->modules);
    lua_pushvalue(L, 1);
    lua_rawget(L, 2);
    if (lua_rawequal(L, -1, 2))
        return luaL_error(L, "module '%s' requires itself, by way of others", name);
    if (!lua_isnil(L, -1))
        return 1;
    const struct vat_module *module = find(L, bytes);
    if (module == NULL)
        return fail_missing(L, name);
    push_chunk(L, module);
    lua_pushvalue(L, 2);
    lua_setfield(L, 2, name);
    load_module(L, name);
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, name);
    return 1;
}

void
module_open(lua_State *L)
{
    lua_pushcfunction(L, l_require);
    lua_setglobal(L, "require");
}
