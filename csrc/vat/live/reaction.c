#include "vat/live/reaction.h"

#include <assert.h>

struct reaction *
reaction_push(lua_State *L, enum reaction_kind kind)
{
    int values = kind == REACTION_TURN ? REACTION_TARGET : REACTION_RESULT;
    struct reaction *reaction = lua_newuserdatauv(L, sizeof *reaction, values);
    *reaction = (struct reaction){.noun = NOUN_REACTION, .kind = kind};
    return reaction;
}

struct reaction *
reaction_at(lua_State *L, int index)
{
    return noun_at(L, index, NOUN_REACTION);
}

void
reaction_set(lua_State *L, enum reaction_value value, int index)
{
    assert(reaction_at(L, -1) != NULL);
    assert(value != REACTION_TARGET || reaction_at(L, -1)->kind == REACTION_TURN);
    lua_pushvalue(L, index);
    lua_setiuservalue(L, -2, (int)value);
}

void
reaction_push_arguments(lua_State *L, int index)
{
    const struct reaction *reaction = reaction_at(L, index);
    assert(reaction->kind == REACTION_SEND || reaction->kind == REACTION_TURN);
    luaL_checkstack(L, reaction->count + 8, NULL);
    lua_getiuservalue(L, index, REACTION_ARGUMENTS);
    int list = lua_gettop(L);
    for (int i = 1; i <= reaction->count; i++)
        lua_rawgeti(L, list, i);
    lua_remove(L, list);
}
