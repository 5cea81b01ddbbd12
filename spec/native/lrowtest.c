/* The Lua module moonvat.rowtest: a row of a state, changed as it may be or as no code may.
 *
 *   rowtest.checks()              whether this is a build that looks at its rows
 *   rowtest.change(meddles, how)  makes an object, changes it without an edit when meddles says so,
 *                                 and does with the state what how says: "edit", "commit", "undo" */
#include "state/object.h"
#include "state/state.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static int
l_checks(lua_State *L)
{
#ifdef CHECK
    lua_pushboolean(L, true);
#else
    lua_pushboolean(L, false);
#endif
    return 1;
}

static void
go_on(struct state *state, const struct object *object, const char *how)
{
    if (strcmp(how, "commit") == 0) {
        state_commit(state);
        return;
    }
    state_begin(state);
    object_edit(state, object)->reachable++;
    if (strcmp(how, "undo") == 0)
        state_undo(state);
    else
        state_keep(state);
}

static int
l_change(lua_State *L)
{
    char *error = NULL;
    struct state *state = state_open(":memory:", DB_WRITE, &error);
    if (state == NULL)
        return luaL_error(L, "%s", error);
    state_begin(state);
    const struct object *object = object_create(state, 0, (struct bytes){NULL, 0});
    state_keep(state);
    state_commit(state);
    if (lua_toboolean(L, 1))
        ((struct object *)object)->recognizable++;
    go_on(state, object, luaL_checkstring(L, 2));
    lua_pushboolean(L, state_commit(state));
    state_close(state);
    return 1;
}

static const luaL_Reg functions[] = {
    {"checks", l_checks},
    {"change", l_change},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_moonvat_rowtest(lua_State *L);

int
luaopen_moonvat_rowtest(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
