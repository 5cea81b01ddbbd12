/* The table functions: as Lua's, but what one call moves is charged to the delivery. */
#include "vat/library/library.h"

#include "vat/library/text.h"
#include "vat/machine/limit.h"

#include <assert.h>
#include <limits.h>

/* A table, or what stands for one by its metamethods. */
static void
check_table(lua_State *L, int arg)
{
    static const char *const needed[] = {"__index", "__newindex", "__len"};
    if (lua_type(L, arg) == LUA_TTABLE)
        return;
    for (int i = 0; i < 3; i++) {
        if (luaL_getmetafield(L, arg, needed[i]) == LUA_TNIL)
            luaL_checktype(L, arg, LUA_TTABLE);
        lua_pop(L, 1);
    }
}

static uint64_t
span(lua_Integer first, lua_Integer last)
{
    return last < first ? 0 : (uint64_t)last - (uint64_t)first + 1;
}

/* insert(t, value), insert(t, position, value) */
static int
l_insert(lua_State *L)
{
    check_table(L, 1);
    lua_Integer end = (lua_Integer)((lua_Unsigned)luaL_len(L, 1) + 1);
    lua_Integer position = end;
    if (lua_gettop(L) == 3) {
        position = luaL_checkinteger(L, 2);
        luaL_argcheck(
            L, (lua_Unsigned)position - 1u < (lua_Unsigned)end, 2, "position out of bounds");
        limit_charge(L, span(position, end));
        for (lua_Integer i = end; i > position; i--) {
            lua_geti(L, 1, i - 1);
            lua_seti(L, 1, i);
        }
    } else if (lua_gettop(L) != 2) {
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_seti(L, 1, position);
    return 0;
}

/* remove(t [, position]) */
static int
l_remove(lua_State *L)
{
    check_table(L, 1);
    lua_Integer size = luaL_len(L, 1);
    lua_Integer position = luaL_optinteger(L, 2, size);
    if (lua_gettop(L) >= 2 && position != size)
        luaL_argcheck(
            L, (lua_Unsigned)position - 1u <= (lua_Unsigned)size, 2, "position out of bounds");
    lua_geti(L, 1, position);
    limit_charge(L, span(position, size));
    for (; position < size; position++) {
        lua_geti(L, 1, position + 1);
        lua_seti(L, 1, position);
    }
    lua_pushnil(L);
    lua_seti(L, 1, position);
    return 1;
}

static void
move_element(lua_State *L, lua_Integer from, int to_table, lua_Integer to)
{
    lua_geti(L, 1, from);
    lua_seti(L, to_table, to);
}

/* move(from, first, last, to [, to_table]) */
static int
l_move(lua_State *L)
{
    lua_Integer first = luaL_checkinteger(L, 2);
    lua_Integer last = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int to_table = lua_isnoneornil(L, 5) ? 1 : 5;
    check_table(L, 1);
    check_table(L, to_table);
    if (last >= first) {
        luaL_argcheck(
            L, first > 0 || last < LUA_MAXINTEGER + first, 3, "too many elements to move");
        lua_Integer count = last - first + 1;
        luaL_argcheck(L, to <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        limit_charge(L, (uint64_t)count);
        bool forwards =
            to > last || to <= first || (to_table != 1 && !lua_compare(L, 1, to_table, LUA_OPEQ));
        for (lua_Integer i = 0; i < count; i++) {
            lua_Integer at = forwards ? i : count - 1 - i;
            move_element(L, first + at, to_table, to + at);
        }
    }
    lua_pushvalue(L, to_table);
    return 1;
}

static void
add_element(lua_State *L, struct text *text, lua_Integer i)
{
    lua_geti(L, 1, i);
    if (!lua_isstring(L, -1))
        luaL_error(
            L, "invalid value (%s) at index %I in table for 'concat'", luaL_typename(L, -1), i);
    size_t size;
    const char *string = lua_tolstring(L, -1, &size);
    text_add(text, string, size);
    lua_pop(L, 1);
}

/* concat(t [, separator [, first [, last]]]) */
static int
l_concat(lua_State *L)
{
    check_table(L, 1);
    lua_Integer size = luaL_len(L, 1);
    size_t gap;
    const char *separator = luaL_optlstring(L, 2, "", &gap);
    lua_Integer first = luaL_optinteger(L, 3, 1);
    lua_Integer last = luaL_optinteger(L, 4, size);
    limit_charge(L, span(first, last));
    struct text text;
    text_open(&text, L);
    for (lua_Integer i = first; i <= last; i++) {
        add_element(L, &text, i);
        if (i == last) /* i may be the largest integer */
            break;
        text_add(&text, separator, gap);
    }
    limit_charge(L, text.size / 8);
    text_push(&text);
    return 1;
}

/* unpack(t [, first [, last]]) */
static int
l_unpack(lua_State *L)
{
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = luaL_opt(L, luaL_checkinteger, 3, luaL_len(L, 1));
    uint64_t count = span(first, last);
    if (last >= first && (count - 1 >= (uint64_t)INT_MAX || !lua_checkstack(L, (int)count)))
        return luaL_error(L, "too many results to unpack");
    limit_charge(L, count);
    assert(count <= INT_MAX);
    for (uint64_t i = 0; i < count; i++)
        lua_geti(L, 1, (lua_Integer)((uint64_t)first + i));
    return (int)count;
}

const luaL_Reg ltable_functions[] = {
    {"concat", l_concat},
    {"insert", l_insert},
    {"move", l_move},
    {"remove", l_remove},
    {"unpack", l_unpack},
    {NULL, NULL},
};
