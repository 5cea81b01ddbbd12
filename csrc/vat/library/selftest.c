/* What must be true of this process and this build of Lua before a vat runs in it. */
#include "vat/machine/sandbox.h"
#include "vat/machine/stack.h"

#include <string.h>

#define BASE_ADDRESS UINT64_C(0x200000000000) /* as the Makefile links it */
#define PROBE_MEMORY (1u << 20)
#define ORDER_MAX 512

/* The start of this shared object, from the linker. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* Gets Lua's own setmetatable; returns a check to be called after a collection, and the order in
 * which string keys come. */
static const char probe[] =
    "local set = ...\n"
    "local fired = 0\n"
    "local function fire() fired = fired + 1 end\n"
    "local weak = set({}, { __mode = 'k' })\n"
    "weak[{}] = true\n"
    "set({}, { __gc = fire })\n"
    "local object = set({}, { __concat = fire, __close = fire })\n"
    "local joined = pcall(function() return 'a' .. 'b' .. object end)\n"
    "local closed = pcall(function() local x <close> = object end)\n"
    "local keys, order = {}, ''\n"
    "for i = 1, 64 do keys['key' .. i] = true end\n"
    "for key in next, keys do order = order .. key end\n"
    "local long = string.pack('s', string.rep('x', 5000))\n"
    "return function()\n"
    "  return not joined and not closed and fired == 0 and next(weak) ~= nil and #long > 5000\n"
    "end, order\n";

static int
l_set(lua_State *L)
{
    lua_setmetatable(L, 1);
    return 1;
}

/* A table that is weak through sandbox_event must lose its key. */
static bool
check_private_event(lua_State *L)
{
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    sandbox_event(L, "__mode");
    lua_setmetatable(L, -2);
    lua_newtable(L);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_gc(L, LUA_GCCOLLECT);
    lua_pushnil(L);
    return lua_next(L, -2) == 0;
}

struct probe_result {
    char order[ORDER_MAX];
    bool inert;
};

static int
p_probe(lua_State *L)
{
    struct probe_result *result = lua_touserdata(L, 1);
    if (luaL_loadbufferx(L, probe, sizeof probe - 1, "=probe", "t") != LUA_OK)
        return lua_error(L);
    lua_pushcfunction(L, l_set);
    lua_call(L, 1, 2);
    strncpy(result->order, lua_tostring(L, -1), ORDER_MAX - 1);
    lua_gc(L, LUA_GCCOLLECT);
    lua_pop(L, 1);
    lua_call(L, 0, 1);
    result->inert = lua_toboolean(L, -1) && check_private_event(L);
    return 0;
}

static bool
run_probe(uint64_t number, struct probe_result *result)
{
    struct machine machine = {0};
    memset(result, 0, sizeof *result);
    machine.heap = heap_open(number, PROBE_MEMORY);
    if (machine.heap == NULL)
        return false;
    lua_State *L = sandbox_open(&machine);
    bool done = L != NULL;
    if (done) {
        lua_pushcfunction(L, p_probe);
        lua_pushlightuserdata(L, result);
        done = lua_pcall(L, 1, 0, 0) == LUA_OK;
    }
    heap_close(machine.heap);
    return done;
}

static const char *
find_fault(void)
{
    if ((uintptr_t)__ehdr_start != BASE_ADDRESS)
        return "the vat layer could not be loaded at its address: something else is there";
    if (!stack_open())
        return "there is no memory for the stack that vats run on";
    struct probe_result first, second;
    if (!run_probe(0, &first) || !run_probe(1, &second))
        return "the self-test of the vat layer's Lua could not run";
    if (!first.inert || !second.inert)
        return "the self-test of the vat layer's Lua failed: metamethods are not inert";
    if (strcmp(first.order, second.order) != 0)
        return "the self-test of the vat layer's Lua failed: the order of keys is not fixed";
    return NULL;
}

bool
sandbox_self_test(const char **reason)
{
    static bool done;
    static const char *fault;
    if (!done)
        fault = find_fault();
    done = true;
    *reason = fault;
    return fault == NULL;
}
