/* Lua's own functions, behind a look at what a call will use: it is charged, and room is made for
 * what Lua's string buffers will need, since they do not ask for a collection themselves. Each
 * wrapper has the function as its upvalue. */
#include "vat/library/library.h"

#include "vat/machine/heap.h"
#include "vat/machine/limit.h"

#include <assert.h>
#include <ctype.h>
#include <limits.h>

#define ITEM_MAX 32 /* bytes that a number and its padding take in string.pack */

static int
go_on(lua_State *L)
{
    assert(lua_iscfunction(L, lua_upvalueindex(1)));
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static void
make_room(lua_State *L, uint64_t size)
{
    const struct heap *heap = heap_of(L);
    limit_charge(L, size / 8);
    if (heap_room(heap) >= 4 * size) /* the buffer grows by doubling, and is copied */
        return;
    lua_gc(L, LUA_GCCOLLECT);
    if (heap_room(heap) < size)
        limit_fault(VAT_FAULT_MEMORY);
}

/* The sizes that a format names, "c100" say, added up. */
static uint64_t
named_sizes(const char *format, size_t size)
{
    uint64_t total = 0;
    for (size_t i = 0; i < size;) {
        uint64_t number = 0;
        for (; i < size && isdigit((unsigned char)format[i]); i++)
            number = number > INT_MAX ? number : number * 10 + (uint64_t)(format[i] - '0');
        total += number;
        i++;
    }
    return total;
}

static int
l_pack(lua_State *L)
{
    size_t size;
    const char *format = luaL_checklstring(L, 1, &size);
    uint64_t total = named_sizes(format, size) + size * ITEM_MAX;
    for (int i = lua_gettop(L); i > 1; i--)
        total += lua_type(L, i) == LUA_TSTRING ? lua_rawlen(L, i) : 0;
    make_room(L, total);
    return go_on(L);
}

static int
l_select(lua_State *L)
{
    limit_charge(L, (uint64_t)lua_gettop(L) / 8);
    return go_on(L);
}

/* Most calls ask for one byte. */
static int
l_byte(lua_State *L)
{
    int count = go_on(L);
    limit_charge(L, (uint64_t)count / 8);
    return count;
}

static int
l_sub(lua_State *L)
{
    int count = go_on(L);
    limit_charge_bytes(L, lua_rawlen(L, -1));
    return count;
}

static int
l_char(lua_State *L)
{
    make_room(L, (uint64_t)lua_gettop(L) * 8);
    return go_on(L);
}

/* Functions that may read all of their first argument: tonumber, utf8.len, string.packsize, ... */
static int
l_scan(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING)
        limit_charge_bytes(L, lua_rawlen(L, 1));
    return go_on(L);
}

/* The iterator of utf8.codes goes over bytes that begin no character. */
static int
l_codes_next(lua_State *L)
{
    size_t size, run = 0;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_Unsigned at = (lua_Unsigned)lua_tointeger(L, 2);
    while (at < size && at + run < size && ((unsigned char)text[at + run] & 0xc0) == 0x80)
        run++;
    limit_charge_bytes(L, run);
    return go_on(L);
}

/* How far it went; all the way when there is no such character. */
static int
l_offset(lua_State *L)
{
    size_t size;
    luaL_checklstring(L, 1, &size);
    lua_Integer from = luaL_optinteger(L, 3, lua_tointeger(L, 2) > 0 ? 1 : (lua_Integer)size + 1);
    int count = go_on(L);
    lua_Integer to = lua_tointeger(L, -1);
    bool found = !lua_isnil(L, -1) && from > 0;
    limit_charge_bytes(L, found ? (size_t)(to < from ? from - to : to - from) : size);
    return count;
}

static int
l_codes(lua_State *L)
{
    int count = go_on(L);
    lua_pushvalue(L, -count);
    lua_pushcclosure(L, l_codes_next, 1);
    lua_replace(L, -count - 1);
    return count;
}

/* Comparisons of plain values are charged here; a function that compares is charged as it runs. */
static int
l_sort(lua_State *L)
{
    lua_Integer size = lua_istable(L, 1) ? luaL_len(L, 1) : 0;
    if (size > 1 && size < INT_MAX)
        limit_charge(L, (uint64_t)size * (uint64_t)(64 - __builtin_clzll((uint64_t)size)));
    return go_on(L);
}

static void
wrap(lua_State *L, const char *name, lua_CFunction wrapper)
{
    lua_getfield(L, -1, name);
    assert(lua_iscfunction(L, -1));
    lua_pushcclosure(L, wrapper, 1);
    lua_setfield(L, -2, name);
}

void
lbounded_base(lua_State *L)
{
    wrap(L, "select", l_select);
    wrap(L, "tonumber", l_scan);
}

void
lbounded_string(lua_State *L)
{
    wrap(L, "byte", l_byte);
    wrap(L, "pack", l_pack);
    wrap(L, "packsize", l_scan);
    wrap(L, "sub", l_sub);
    wrap(L, "unpack", l_scan);
}

void
lbounded_table(lua_State *L)
{
    wrap(L, "sort", l_sort);
}

void
lbounded_utf8(lua_State *L)
{
    wrap(L, "char", l_char);
    wrap(L, "codepoint", l_scan);
    wrap(L, "codes", l_codes);
    wrap(L, "len", l_scan);
    wrap(L, "offset", l_offset);
}
