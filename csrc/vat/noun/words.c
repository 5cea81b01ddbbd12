#include "vat/noun/words.h"

#include "base/ref.h"
#include "vat/machine/lua544.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/noun.h"
#include "vat/noun/registry.h"
#include "vat/noun/remotable.h"

#include <assert.h>

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

static bool
has(lua_State *L, int table, uint64_t word)
{
    bool found = registry_get(L, table, (lua_Integer)word) != LUA_TNIL;
    lua_pop(L, 1);
    return found;
}

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

/* Of the word at -2 and its value at -1, in the table of objects. The root may have had a word
   before it was the root; that leads to it too. */
static bool
is_its_word(lua_State *L)
{
    const struct remotable *object = remotable_at(L, -1);
    if (object == NULL)
        return noun_at(L, -1, NOUN_PROMISE) != NULL;
    uint64_t word = (uint64_t)lua_tointeger(L, -2);
    return remotable_is_sound(object) && !object->inner &&
           (object->word == word || object->word == VREF_ROOT.word);
}

/* Of the word at -2 and its value at -1, in the table of pins. */
static bool
is_pinned(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    lua_Integer word = lua_tointeger(L, -2);
    registry_get(L, ls->objects, word);
    bool same = lua_rawequal(L, -1, -2) != 0;
    lua_pop(L, 1);
    return same && !has(L, ls->dropped, (uint64_t)word);
}

static bool
hold(lua_State *L, int table, bool (*rule)(lua_State *L))
{
    bool good = true;
    registry_push(L, table);
    int top = lua_gettop(L);
    for (lua_pushnil(L); good && lua_next(L, top); lua_settop(L, top + 1))
        good = rule(L);
    lua_settop(L, top - 1);
    return good;
}

bool
words_are_sound(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    return hold(L, ls->objects, is_its_word) && hold(L, ls->pins, is_pinned);
}
