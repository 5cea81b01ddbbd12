#include "vat/noun/words.h"

#include <assert.h>

#include "base/ref.h"
#include "vat/machine/lua544.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/noun.h"
#include "vat/noun/registry.h"

void
words_open(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "v");
    lua544_set_event(L, "__mode");
    lua_setmetatable(L, -2);
    ls->objects = luaL_ref(L, LUA_REGISTRYINDEX);
    ls->pins = registry_table(L);
    ls->imports = registry_table(L);
    ls->dropped = registry_table(L);
}

#ifndef NDEBUG
static bool
has(lua_State *L, int table, uint64_t word)
{
    bool found = registry_get(L, table, (lua_Integer)word) != LUA_TNIL;
    lua_pop(L, 1);
    return found;
}
#endif

void
words_put(lua_State *L, uint64_t word, int index)
{
    struct liveslots *ls = liveslots_of(L);
    assert(word != 0);
    assert(word == VREF_ROOT.word || !has(L, ls->objects, word));
    registry_put(L, ls->objects, (lua_Integer)word, index);
    ls->met++;
    if (noun_at(L, index, NOUN_PRESENCE) != NULL)
        words_import(L, word);
    else if (noun_at(L, index, NOUN_PROMISE) != NULL)
        registry_put(L, ls->pins, (lua_Integer)word, index);
}

bool
words_push(lua_State *L, uint64_t word)
{
    bool found = registry_get(L, liveslots_of(L)->objects, (lua_Integer)word) != LUA_TNIL;
    if (!found)
        lua_pop(L, 1);
    return found;
}

void
words_pin(lua_State *L, uint64_t word, int index)
{
    struct liveslots *ls = liveslots_of(L);
    assert(noun_at(L, index, NOUN_REMOTABLE) != NULL && has(L, ls->objects, word));
    registry_put(L, ls->pins, (lua_Integer)word, index);
    registry_clear(L, ls->dropped, (lua_Integer)word);
}

void
words_unpin(lua_State *L, uint64_t word, bool dropped)
{
    struct liveslots *ls = liveslots_of(L);
    registry_clear(L, ls->pins, (lua_Integer)word);
    if (dropped)
        registry_mark(L, ls->dropped, (lua_Integer)word);
    else
        registry_clear(L, ls->dropped, (lua_Integer)word);
}

void
words_import(lua_State *L, uint64_t word)
{
    registry_mark(L, liveslots_of(L)->imports, (lua_Integer)word);
}

void
words_forget(lua_State *L, uint64_t word)
{
    struct liveslots *ls = liveslots_of(L);
    int tables[] = {ls->objects, ls->pins, ls->imports, ls->dropped};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        registry_clear(L, tables[i], (lua_Integer)word);
}
