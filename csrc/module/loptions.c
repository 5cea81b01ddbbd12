/* The options of a vat: read from a table, and shown to Lua as data. */
#include "module/lmodule.h"

#include "kernel/face/options.h"

#include <assert.h>
#include <string.h>

static const int types[] = {
    [OPTION_FLAG] = LUA_TBOOLEAN,
    [OPTION_WHOLE] = LUA_TNUMBER,
    [OPTION_SECONDS] = LUA_TNUMBER,
    [OPTION_CHOICE] = LUA_TSTRING,
};

/* Reading */

static int64_t
read_limited(lua_State *L, const struct option *option)
{
    double unit = option->kind == OPTION_SECONDS ? 1e6 : 1;
    double value = lua_tonumber(L, -1);
    double least = (double)option->least / unit, most = (double)option->most / unit;
    if (!(value >= least && value <= most))
        lerror_raise(
            L, LERROR_MISUSE, "%s must be from %f to %f, got %f", option->name, least, most, value);
    return (int64_t)(value * unit);
}

static int64_t
read_choice(lua_State *L, const struct option *option)
{
    const char *value = lua_tostring(L, -1);
    for (int64_t at = 0; option->words[at] != NULL; at++) {
        if (strcmp(option->words[at], value) == 0)
            return at;
    }
    return lerror_raise(L, LERROR_MISUSE, "%s: unknown value \"%s\"", option->name, value);
}

/* The value on top of the stack. */
static int64_t
read_value(lua_State *L, const struct option *option)
{
    int wanted = types[option->kind], got = lua_type(L, -1);
    if (got != wanted)
        lerror_raise(L, LERROR_MISUSE, "%s: a %s expected, got %s", option->name,
            lua_typename(L, wanted), lua_typename(L, got));
    if (wanted == LUA_TBOOLEAN)
        return lua_toboolean(L, -1);
    return wanted == LUA_TNUMBER ? read_limited(L, option) : read_choice(L, option);
}

struct vat_settings
loptions_read(lua_State *L)
{
    struct vat_settings settings;
    size_t count;
    const struct option *options = options_list(&count);
    int top = lua_gettop(L);
    assert(lua_istable(L, top));
    memset(&settings, 0, sizeof settings);
    for (size_t i = 0; i < count; i++) {
        int64_t value = options[i].otherwise;
        assert(lua_gettop(L) == top);
        if (lua_getfield(L, top, options[i].name) != LUA_TNIL)
            value = read_value(L, &options[i]);
        lua_pop(L, 1);
        options_set(&settings, &options[i], value);
    }
    return settings;
}

/* Showing */

static void
push_value(lua_State *L, const struct option *option, int64_t value)
{
    if (option->kind == OPTION_FLAG)
        lua_pushboolean(L, value != 0);
    else if (option->kind == OPTION_CHOICE)
        lua_pushstring(L, option->words[value]);
    else if (option->kind == OPTION_SECONDS)
        lua_pushnumber(L, (double)value / 1e6);
    else
        lua_pushinteger(L, value);
}

static void
push_words(lua_State *L, const char *const *words)
{
    lua_newtable(L);
    for (lua_Integer i = 0; words[i] != NULL; i++) {
        lua_pushstring(L, words[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

static void
push_option(lua_State *L, const struct option *option)
{
    static const char *const kinds[] = {"flag", "whole", "seconds", "choice"};
    static const struct lfield fields[] = {
        {"name", LFIELD_TEXT, offsetof(struct option, name)},
        {"text", LFIELD_TEXT, offsetof(struct option, text)},
        {"wanted", LFIELD_TEXT, offsetof(struct option, wanted)},
        {NULL, LFIELD_TEXT, 0},
    };
    lfields_push(L, option, fields);
    lua_pushstring(L, kinds[option->kind]);
    lua_setfield(L, -2, "kind");
    push_value(L, option, option->otherwise);
    lua_setfield(L, -2, "default");
    if (option->kind == OPTION_CHOICE) {
        push_words(L, option->words);
        lua_setfield(L, -2, "words");
    } else if (option->kind != OPTION_FLAG) {
        push_value(L, option, option->least);
        lua_setfield(L, -2, "least");
        push_value(L, option, option->most);
        lua_setfield(L, -2, "most");
    }
}

void
loptions_push(lua_State *L)
{
    size_t count;
    const struct option *options = options_list(&count);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_option(L, &options[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}
