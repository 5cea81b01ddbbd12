#include "vat/machine/lua544.h"

#include "vat/machine/heap.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HASH_SEED 0x6d6f6f6eu
#define SEED_OFFSET 96
#define SHORT_LENGTH_AT (-13)
#define ADDRESS_COUNT                                                                              \
    (2 * 53) /* two strings for each of 53 pairs of slots: it forgets all others */

/* What it gets of libc: standard streams, which it must not write to, and clocks, from which it
 * would draw chance. */

FILE *vl_stdin; /* NULL: no function that reads or writes is in the sandbox */
FILE *vl_stdout;
FILE *vl_stderr;

time_t vl_time(time_t *now);
clock_t vl_clock(void);

time_t
vl_time(time_t *now)
{
    if (now != NULL)
        *now = 0;
    return 0;
}

clock_t
vl_clock(void)
{
    return 0;
}

/* The seed */

void
lua544_set_seed(void *state, size_t size, lua_Alloc allocate, void *ud)
{
    uint8_t *bytes = state;
    for (size_t at = 0; at + SEED_OFFSET + 4 <= size; at += sizeof(void *)) {
        uintptr_t words[2];
        memcpy(words, bytes + at, sizeof words);
        if (words[0] == (uintptr_t)allocate && words[1] == (uintptr_t)ud) {
            uint32_t seed = HASH_SEED;
            memcpy(bytes + at + SEED_OFFSET, &seed, sizeof seed);
            return;
        }
    }
}

/* Events */

/* Those that lead to memory corruption in this Lua. */
static const char *const inert_events[] = {"__gc", "__mode", "__close", "__concat", NULL};
static const char inert_keys; /* its address: where the registry keeps them */

static void
forget_addresses(lua_State *L)
{
    static char text[ADDRESS_COUNT + 8];
    memset(text, '-', sizeof text - 1);
    for (size_t i = 0; i < ADDRESS_COUNT; i++) {
        vl_lua_pushstring(L, text + i); /* Lua's own, which remembers it */
        lua_pop(L, 1);
    }
}

/* Lua's own buffers rely on __close, so their metatable is made while it has its meaning. */
static void
make_buffer_type(lua_State *L)
{
    luaL_Buffer buffer;
    luaL_buffinitsize(L, &buffer, 2 * LUAL_BUFFERSIZE);
    luaL_pushresultsize(&buffer, 0);
    lua_pop(L, 1);
}

/* Once the length of an event's name is impossible, no other string is ever found to be the same
 * one: a "__gc" that vat code writes is another object. Lua itself, and we, can still use the old
 * one. */
void
lua544_hide_events(lua_State *L)
{
    make_buffer_type(L);
    lua_createtable(L, 4, 0);
    for (int i = 0; inert_events[i] != NULL; i++) {
        size_t size = strlen(inert_events[i]);
        const char *text = lua_pushlstring(L, inert_events[i], size);
        uint8_t *length = (uint8_t *)(uintptr_t)text + SHORT_LENGTH_AT;
        if (*length != size)
            luaL_error(L, "strings of this Lua are laid out in an unknown way");
        *length = UINT8_MAX;
        lua_rawseti(L, -2, i + 1);
    }
    lua_rawsetp(L, LUA_REGISTRYINDEX, &inert_keys);
    forget_addresses(L);
}

void
lua544_set_event(lua_State *L, const char *event)
{
    int i = 0;
    while (strcmp(inert_events[i], event) != 0) {
        i++;
        assert(inert_events[i] != NULL);
    }
    assert(lua_istable(L, -2));
    lua_rawgetp(L, LUA_REGISTRYINDEX, &inert_keys);
    lua_rawgeti(L, -1, i + 1);
    lua_replace(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -3);
}

/* Tables */

void vl_luaH_resize(lua_State *L, void *table, unsigned array, unsigned hash);

void
lua544_resize(lua_State *L, size_t count)
{
    assert(lua_istable(L, -1) && count <= UINT32_MAX);
    vl_luaH_resize(L, (void *)(uintptr_t)lua_topointer(L, -1), 0, (unsigned)count);
}

/* The self-test */

#define PROBE_MEMORY (1u << 20)
#define ORDER_MAX 512

/* Gets setmetatable without a check; returns a check to be called after a collection, and the order
 * in which string keys come. */
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

/* A table that is weak through lua544_set_event must lose its key. */
static bool
check_own_event(lua_State *L)
{
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua544_set_event(L, "__mode");
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
    lua544_hide_events(L);
    luaL_requiref(L, "_G", luaopen_base, 1);
    luaL_requiref(L, "string", luaopen_string, 1);
    if (luaL_loadbufferx(L, probe, sizeof probe - 1, "=probe", "t") != LUA_OK)
        return lua_error(L);
    lua_pushcfunction(L, l_set);
    lua_call(L, 1, 2);
    strncpy(result->order, lua_tostring(L, -1), ORDER_MAX - 1);
    lua_gc(L, LUA_GCCOLLECT);
    lua_pop(L, 1);
    lua_call(L, 0, 1);
    result->inert = lua_toboolean(L, -1) && check_own_event(L);
    return 0;
}

static bool
run_probe(uint64_t number, struct probe_result *result)
{
    memset(result, 0, sizeof *result);
    struct heap *heap = heap_open(number, PROBE_MEMORY);
    if (heap == NULL)
        return false;
    lua_State *L = lua_newstate(heap_allocate, heap);
    bool done = L != NULL;
    if (done) {
        lua_gc(L, LUA_GCSTOP);
        lua_pushcfunction(L, p_probe);
        lua_pushlightuserdata(L, result);
        done = lua_pcall(L, 1, 0, 0) == LUA_OK;
    }
    heap_close(heap);
    return done;
}

const char *
lua544_self_test(void)
{
    struct probe_result first, second;
    if (!run_probe(0, &first) || !run_probe(1, &second))
        return "the self-test of the vat layer's Lua could not run";
    if (!first.inert || !second.inert)
        return "the self-test of the vat layer's Lua failed: metamethods are not inert";
    if (strcmp(first.order, second.order) != 0)
        return "the self-test of the vat layer's Lua failed: the order of keys is not fixed";
    return NULL;
}
