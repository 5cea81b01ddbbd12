#include "vat/machine/sandbox.h"

#include "vat/library/library.h"
#include "vat/machine/limit.h"

#include <string.h>
#ifdef MEMCHECK
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_DEFINED(address, size) ((void)(address), (void)(size))
#endif

/* Everything not named here is absent. */
static const char *const base_names[] = {"assert", "error", "getmetatable", "ipairs", "next",
    "pairs", "pcall", "rawequal", "rawget", "rawlen", "rawset", "select", "tonumber", "type",
    "xpcall", "_VERSION", NULL};
static const char *const math_names[] = {"abs", "acos", "asin", "atan", "ceil", "cos", "deg", "exp",
    "floor", "fmod", "huge", "log", "max", "maxinteger", "min", "mininteger", "modf", "pi", "rad",
    "sin", "sqrt", "tan", "tointeger", "type", "ult", NULL};
static const char *const string_names[] = {
    "byte", "len", "pack", "packsize", "sub", "unpack", NULL};
static const char *const table_names[] = {"pack", "sort", NULL};
static const char *const utf8_names[] = {
    "char", "charpattern", "codepoint", "codes", "len", "offset", NULL};

/* The events that this Lua must not see in a vat's metatables. */
static const char *const inert_events[] = {"__gc", "__mode", "__close", "__concat", NULL};
static const char inert_keys; /* its address: where the registry keeps them */

#define SHORT_LENGTH_AT (-13) /* from a short string's characters to its length, in 5.4.4 */

/* Lua remembers strings by the C address they were pushed from, in 53 pairs of slots: two strings
 * for each of them make it forget. */
static void
forget_addresses(lua_State *L)
{
    static char text[2 * 53 + 8];
    memset(text, '-', sizeof text - 1);
    for (size_t i = 0; i < 2 * 53; i++) {
        lua_pushstring(L, text + i);
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

/* Lua interns "__gc" once and compares metatables' keys with that object by address. Once its
 * length is impossible, no other string is ever found to be the same one: a "__gc" that vat code
 * writes is another object, with no meaning. Lua itself, and we, can still use the old one. */
static void
make_events_inert(lua_State *L)
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
sandbox_event(lua_State *L, const char *event)
{
    int i = 0;
    while (strcmp(inert_events[i], event) != 0)
        i++;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &inert_keys);
    lua_rawgeti(L, -1, i + 1);
    lua_replace(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -3);
}

/* Calls the library's opener and leaves a new table with what is allowed of it. */
static void
open_library(lua_State *L, lua_CFunction open, const char *const *names)
{
    lua_newtable(L);
    lua_pushcfunction(L, open);
    lua_call(L, 0, 1);
    for (; *names != NULL; names++) {
        lua_getfield(L, -1, *names);
        lua_setfield(L, -3, *names);
    }
    lua_pop(L, 1);
}

/* Messages and tracebacks find the names of functions here. */
static void
name_library(lua_State *L, const char *name)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

static void
open_strings(lua_State *L)
{
    open_library(L, luaopen_string, string_names);
    luaL_setfuncs(L, lstring_functions, 0);
    luaL_setfuncs(L, lpattern_functions, 0);
    lbounded_string(L);
    /* Methods of strings come from a copy that nobody can reach, so nobody can change them. */
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, -5) != 0;) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

static int
p_open(lua_State *L)
{
    make_events_inert(L);
    open_library(L, luaopen_base, base_names);
    luaL_setfuncs(L, lbase_functions, 0);
    lbounded_base(L);
    name_library(L, "_G");
    open_library(L, luaopen_math, math_names);
    lmath_open(L);
    name_library(L, "math");
    lua_setfield(L, -2, "math");
    open_strings(L);
    name_library(L, "string");
    lua_setfield(L, -2, "string");
    open_library(L, luaopen_table, table_names);
    luaL_setfuncs(L, ltable_functions, 0);
    lbounded_table(L);
    name_library(L, "table");
    lua_setfield(L, -2, "table");
    open_library(L, luaopen_utf8, utf8_names);
    lbounded_utf8(L);
    name_library(L, "utf8");
    lua_setfield(L, -2, "utf8");
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
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
sandbox_open(struct machine *machine)
{
    lua_State *L = lua_newstate(heap_allocate, machine->heap);
    if (L == NULL)
        return NULL;
    machine->heap->L = L;
    lua_atpanic(L, panic);
    lua_gc(L, LUA_GCSTOP);
    lua_pushcfunction(L, p_open);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        return NULL;
    lua_gc(L, LUA_GCCOLLECT);
    limit_hook(L, machine);
    return L;
}

void
sandbox_type(lua_State *L, const char *name, const luaL_Reg *methods)
{
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, methods, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
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
    return lua_tolstring(L, -1, size);
}
