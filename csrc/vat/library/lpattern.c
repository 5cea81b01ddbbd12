/* string.find, match, gmatch and gsub. */
#include "vat/library/library.h"

#include "vat/library/match.h"
#include "vat/library/text.h"
#include "vat/machine/limit.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

/* The start position as an offset; beyond the end when it is. */
static size_t
start_offset(lua_State *L, int arg, size_t size)
{
    lua_Integer position = luaL_optinteger(L, arg, 1);
    if (position > 0)
        return (size_t)position - 1;
    if (position == 0 || position < -(lua_Integer)size)
        return 0;
    return size - (size_t)(-position);
}

static int
find_plain(lua_State *L, size_t start)
{
    size_t size, sought_size;
    const char *subject = lua_tolstring(L, 1, &size);
    assert(start <= size);
    const char *sought = lua_tolstring(L, 2, &sought_size);
    limit_charge(L, (size - start) / 8);
    const char *found = memmem(subject + start, size - start, sought, sought_size);
    if (found == NULL) {
        luaL_pushfail(L);
        return 1;
    }
    lua_pushinteger(L, found - subject + 1);
    lua_pushinteger(L, found - subject + (lua_Integer)sought_size);
    return 2;
}

static bool
is_plain(const char *pattern, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (pattern[i] != '\0' && strchr("^$*+?.([%-", pattern[i]) != NULL)
            return false;
    }
    return true;
}

static int
find_pattern(lua_State *L, size_t start, bool find)
{
    struct match m;
    const char *p;
    match_open(&m, L, 1, 2, &p);
    bool anchored = p < m.pattern_end && *p == '^';
    p += anchored;
    for (const char *s = m.subject + start; s <= m.subject_end; s++) {
        const char *end = match_at(&m, s, p);
        if (end != NULL) {
            limit_charge(L, m.steps);
            if (!find)
                return match_push_all(&m, s, end, true);
            lua_pushinteger(L, s - m.subject + 1);
            lua_pushinteger(L, end - m.subject);
            return 2 + match_push_all(&m, s, end, false);
        }
        if (anchored)
            break;
    }
    limit_charge(L, m.steps);
    luaL_pushfail(L);
    return 1;
}

static int
find_or_match(lua_State *L, bool find)
{
    size_t size, pattern_size;
    luaL_checklstring(L, 1, &size);
    const char *pattern = luaL_checklstring(L, 2, &pattern_size);
    size_t start = start_offset(L, 3, size);
    if (start > size) {
        luaL_pushfail(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || is_plain(pattern, pattern_size)))
        return find_plain(L, start);
    return find_pattern(L, start, find);
}

static int
l_find(lua_State *L)
{
    return find_or_match(L, true);
}

static int
l_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* Upvalues: subject, pattern, where to go on, where the last match ended. */
static int
gmatch_next(lua_State *L)
{
    struct match m;
    const char *p;
    match_open(&m, L, lua_upvalueindex(1), lua_upvalueindex(2), &p);
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(3));
    for (; at <= m.subject_end - m.subject; at++) {
        const char *s = m.subject + at;
        const char *end = match_at(&m, s, p);
        if (end == NULL || end - m.subject == last)
            continue;
        limit_charge(L, m.steps);
        lua_pushinteger(L, end - m.subject);
        lua_copy(L, -1, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return match_push_all(&m, s, end, true);
    }
    limit_charge(L, m.steps);
    return 0;
}

static int
l_gmatch(lua_State *L)
{
    size_t size;
    luaL_checklstring(L, 1, &size);
    luaL_checkstring(L, 2);
    size_t start = start_offset(L, 3, size);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)(start > size ? size + 1 : start));
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

/* Adds the replacement string with its %0 to %9 filled in. */
static void
add_template(struct match *m, struct text *text, const char *s, const char *end)
{
    size_t size;
    const char *from = lua_tolstring(m->L, 3, &size);
    const char *from_end = from + size;
    for (;;) {
        const char *escape = memchr(from, '%', (size_t)(from_end - from));
        if (escape == NULL)
            break;
        limit_charge(m->L, 1);
        text_add(text, from, (size_t)(escape - from));
        char what = escape + 1 < from_end ? escape[1] : '\0';
        from = escape + 2;
        if (what == '%') {
            text_add(text, "%", 1);
        } else if (what == '0') {
            text_add(text, s, (size_t)(end - s));
        } else if (isdigit((unsigned char)what)) {
            match_push(m, what - '1', s, end);
            const char *capture = lua_tolstring(m->L, -1, &size);
            text_add(text, capture, size);
            lua_pop(m->L, 1);
        } else {
            luaL_error(m->L, "invalid use of '%%' in replacement string");
        }
    }
    text_add(text, from, (size_t)(from_end - from));
}

/* Adds what stands for the match; false when that is the match itself. */
static bool
add_replacement(struct match *m, struct text *text, const char *s, const char *end)
{
    lua_State *L = m->L;
    int type = lua_type(L, 3);
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, match_push_all(m, s, end, true), 1);
    } else if (type == LUA_TTABLE) {
        match_push(m, 0, s, end);
        lua_gettable(L, 3);
    } else {
        add_template(m, text, s, end);
        return true;
    }
    bool replaced = lua_toboolean(L, -1);
    if (!replaced) {
        text_add(text, s, (size_t)(end - s));
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    } else {
        size_t size;
        const char *value = lua_tolstring(L, -1, &size);
        text_add(text, value, size);
    }
    lua_pop(L, 1);
    return replaced;
}

/* How many matches there were; changed: some of them became something else. */
static lua_Integer
replace_all(struct match *m, struct text *text, const char *p, lua_Integer most, bool *changed)
{
    bool anchored = p < m->pattern_end && *p == '^';
    p += anchored;
    const char *s = m->subject, *last = NULL;
    lua_Integer count = 0;
    while (count < most) {
        const char *end = match_at(m, s, p);
        if (end != NULL && end != last) {
            count++;
            if (add_replacement(m, text, s, end))
                *changed = true;
            s = last = end;
        } else if (s < m->subject_end) {
            text_add(text, s++, 1);
        } else {
            break;
        }
        if (anchored)
            break;
    }
    assert(s >= m->subject && s <= m->subject_end);
    assert(count == 0 || count <= most); /* most may be negative */
    text_add(text, s, (size_t)(m->subject_end - s));
    return count;
}

static int
l_gsub(lua_State *L)
{
    size_t size;
    luaL_checklstring(L, 1, &size);
    luaL_checkstring(L, 2);
    int type = lua_type(L, 3);
    luaL_argexpected(L,
        type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE,
        3, "string/function/table");
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)size + 1);
    if (type == LUA_TNUMBER)
        lua_tostring(L, 3);
    struct match m;
    const char *p;
    match_open(&m, L, 1, 2, &p);
    struct text text;
    text_open(&text, L);
    bool changed = false;
    lua_Integer count = replace_all(&m, &text, p, most, &changed);
    limit_charge(L, m.steps);
    if (changed)
        text_push(&text);
    else
        lua_pushvalue(L, 1);
    lua_pushinteger(L, count);
    return 2;
}

const luaL_Reg lpattern_functions[] = {
    {"find", l_find},
    {"gmatch", l_gmatch},
    {"gsub", l_gsub},
    {"match", l_match},
    {NULL, NULL},
};
