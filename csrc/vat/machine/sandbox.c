#include "vat/machine/sandbox.h"

#include "vat/machine/limit.h"
#include "vat/machine/lua544.h"

#include <assert.h>
#include <string.h>
#ifdef MEMCHECK
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_DEFINED(address, size) ((void)(address), (void)(size))
#endif

/* Argument: what fills the globals. */
static int
p_open(lua_State *L)
{
    lua544_hide_events(L);
    lua_call(L, 0, 0);
    return 0;
}

/* An error outside of any protection: nothing of the state can be trusted. */
static int
panic(lua_State *L)
{
    (void)L;
    if (limit_is_running())
        limit_fault(VAT_FAULT_BROKEN);
    return 0;
}

/* Lua's compiler copies parts of its structures that it never set: what nil, true and false would
 * hold if they held something. The same delivery has left it on the stack, so it is the same each
 * time, and nothing reads it; but images contain it. A build for valgrind declares it to be set. */
int
sandbox_compile(lua_State *L, const char *text, size_t size, const char *name)
{
    struct heap *heap = heap_of(L);
    int status = luaL_loadbufferx(L, text, size, name, "t");
    VALGRIND_MAKE_MEM_DEFINED(heap, heap->used);
    return status;
}

lua_State *
sandbox_open(struct machine *machine, lua_CFunction library)
{
    assert(machine->heap->L == NULL && machine->heap->live == 0);
    lua_State *L = lua_newstate(heap_allocate, machine->heap);
    if (L == NULL)
        return NULL;
    machine->heap->L = L;
    lua_atpanic(L, panic);
    lua_gc(L, LUA_GCSTOP);
    lua_pushcfunction(L, p_open);
    lua_pushcfunction(L, library);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        return NULL;
    assert(lua_gettop(L) == 0);
    lua_gc(L, LUA_GCCOLLECT);
    limit_hook(L, machine);
    return L;
}

void
sandbox_type(lua_State *L, const char *name, const luaL_Reg *methods)
{
    int top = lua_gettop(L);
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, methods, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    assert(lua_gettop(L) == top);
    (void)top;
}

const char *
sandbox_tostring(lua_State *L, int index, size_t *size)
{
    int top = lua_gettop(L);
    index = lua_absindex(L, index);
    if (luaL_callmeta(L, index, "__tostring")) {
        if (!lua_isstring(L, -1))
            luaL_error(L, "'__tostring' must return a string");
        return lua_tolstring(L, -1, size);
    }
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        lua_pushliteral(L, "nil");
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;
    case LUA_TNUMBER:
    case LUA_TSTRING:
        lua_pushvalue(L, index);
        break;
    default:
        lua_pushstring(L, luaL_typename(L, index));
        if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
            lua_remove(L, -2);
        else
            lua_settop(L, top + 1);
    }
    assert(lua_gettop(L) == top + 1);
    return lua_tolstring(L, -1, size);
}
