#include "value/valuepath.h"

#include <assert.h>
#include <ctype.h>
#include <lauxlib.h>

#define STEPS_SHOWN 8

static bool
is_name(const char *text, size_t size)
{
    if (size == 0 || isdigit((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!isalnum((unsigned char)text[i]) && text[i] != '_')
            return false;
    }
    return true;
}

static void
push_step(lua_State *L, const struct valuepath_step *step)
{
    const struct entry *entry = step->entry;
    if (entry == NULL) {
        lua_pushfstring(L, "[%I]", (LUAI_UACINT)step->number);
        return;
    }
    size_t size = (size_t)entry->number;
    switch (entry->major) {
    case CBOR_UNSIGNED:
        lua_pushfstring(L, "[%I]", (LUAI_UACINT)entry->number);
        break;
    case CBOR_NEGATIVE:
        lua_pushfstring(L, "[%I]", (LUAI_UACINT)~entry->number);
        break;
    case CBOR_SIMPLE:
        if (entry->first == 0xf4 || entry->first == 0xf5)
            lua_pushfstring(L, "[%s]", entry->first == 0xf5 ? "true" : "false");
        else
            lua_pushfstring(L, "[%f]", entry->real);
        break;
    default:
        lua_pushlstring(L, entry->text, size < 40 ? size : 40);
        if (is_name(entry->text, size < 40 ? size : 40))
            lua_pushfstring(L, size <= 40 ? ".%s" : ".%s...", lua_tostring(L, -1));
        else
            lua_pushfstring(L, size <= 40 ? "[\"%s\"]" : "[\"%s...\"]", lua_tostring(L, -1));
        lua_remove(L, -2);
    }
}

void
valuepath_push(lua_State *L, const struct valuepath *path)
{
    int depth = path->depth < STEPS_SHOWN ? path->depth : STEPS_SHOWN;
    assert(path->depth >= 0 && path->depth <= CBOR_DEPTH_MAX);
    luaL_checkstack(L, STEPS_SHOWN + 8, NULL);
    lua_pushstring(L, path->root.root);
    if (path->root.numbered)
        lua_pushfstring(L, "[%d]", path->number);
    else
        lua_pushliteral(L, "");
    for (int i = 0; i < depth; i++)
        push_step(L, &path->steps[i]);
    lua_pushstring(L, path->depth > STEPS_SHOWN ? "..." : "");
    lua_concat(L, depth + 3);
}

bool
valuepath_cut(struct valuepath *path)
{
    for (int inner = 1; inner < path->depth; inner++) {
        for (int outer = 0; outer < inner; outer++) {
            if (path->steps[outer].table == path->steps[inner].table) {
                path->depth = inner;
                return true;
            }
        }
    }
    return false;
}
