/* Lua's patterns, with a price: each step is charged to the delivery, and a pattern nests at most
 * DEPTH_MAX calls. The depth is an argument, so an error cannot leave it wrong. */
#include "vat/sandbox.h"

#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 200
#define CAPTURE_MAX 32
#define CHARGE_STEPS 256

#define CAPTURE_OPEN (-1)
#define CAPTURE_POSITION (-2)

struct match {
    lua_State *L;
    const char *subject, *subject_end;
    const char *pattern_end;
    unsigned steps; /* since the last charge */
    int level;      /* captures, finished or not */
    struct {
        const char *start;
        ptrdiff_t size; /* or CAPTURE_OPEN, CAPTURE_POSITION */
    } captures[CAPTURE_MAX];
};

static const char *match_here(struct match *m, const char *s, const char *p, int depth);

static void
step(struct match *m)
{
    if (++m->steps == CHARGE_STEPS) {
        limit_charge(m->L, CHARGE_STEPS);
        m->steps = 0;
    }
}

/* The end of the single-character item at p. */
static const char *
item_end(struct match *m, const char *p)
{
    char first = *p++;
    if (first == '%') {
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 1;
    }
    if (first != '[')
        return p;
    if (p < m->pattern_end && *p == '^')
        p++;
    do { /* a ']' that comes first is an ordinary one */
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (missing ']')");
        if (*p++ == '%' && p < m->pattern_end)
            p++;
    } while (p == m->pattern_end || *p != ']');
    return p + 1;
}

static bool
in_class(int c, int class)
{
    bool in;
    switch (tolower(class)) {
    case 'a':
        in = isalpha(c);
        break;
    case 'c':
        in = iscntrl(c);
        break;
    case 'd':
        in = isdigit(c);
        break;
    case 'g':
        in = isgraph(c);
        break;
    case 'l':
        in = islower(c);
        break;
    case 'p':
        in = ispunct(c);
        break;
    case 's':
        in = isspace(c);
        break;
    case 'u':
        in = isupper(c);
        break;
    case 'w':
        in = isalnum(c);
        break;
    case 'x':
        in = isxdigit(c);
        break;
    case 'z':
        in = c == 0;
        break; /* from Lua 5.1 */
    default:
        return class == c;
    }
    return isupper(class) ? !in : in;
}

/* p is at '[' and last at its ']'. */
static bool
in_set(struct match *m, int c, const char *p, const char *last)
{
    bool answer = true;
    if (p[1] == '^') {
        answer = false;
        p++;
    }
    while (++p < last) {
        step(m);
        if (*p == '%') {
            p++;
            if (in_class(c, (unsigned char)*p))
                return answer;
        } else if (p[1] == '-' && p + 2 < last) {
            if ((unsigned char)*p <= c && c <= (unsigned char)p[2])
                return answer;
            p += 2;
        } else if ((unsigned char)*p == c) {
            return answer;
        }
    }
    return !answer;
}

static bool
match_one(struct match *m, const char *s, const char *p, const char *after)
{
    step(m);
    if (s >= m->subject_end)
        return false;
    int c = (unsigned char)*s;
    switch (*p) {
    case '.':
        return true;
    case '%':
        return in_class(c, (unsigned char)p[1]);
    case '[':
        return in_set(m, c, p, after - 1);
    default:
        return (unsigned char)*p == c;
    }
}

static const char *
match_most(struct match *m, const char *s, const char *p, const char *after, int depth)
{
    const char *last = s;
    while (match_one(m, last, p, after))
        last++;
    for (; last >= s; last--) {
        const char *end = match_here(m, last, after + 1, depth - 1);
        if (end != NULL)
            return end;
    }
    return NULL;
}

static const char *
match_least(struct match *m, const char *s, const char *p, const char *after, int depth)
{
    for (;; s++) {
        const char *end = match_here(m, s, after + 1, depth - 1);
        if (end != NULL)
            return end;
        if (!match_one(m, s, p, after))
            return NULL;
    }
}

static const char *
open_capture(struct match *m, const char *s, const char *p, int depth)
{
    ptrdiff_t size = CAPTURE_OPEN;
    p++;
    if (p < m->pattern_end && *p == ')') {
        size = CAPTURE_POSITION;
        p++;
    }
    if (m->level >= CAPTURE_MAX)
        luaL_error(m->L, "too many captures");
    m->captures[m->level].start = s;
    m->captures[m->level].size = size;
    m->level++;
    const char *end = match_here(m, s, p, depth - 1);
    if (end == NULL)
        m->level--;
    return end;
}

static const char *
close_capture(struct match *m, const char *s, const char *p, int depth)
{
    int i = m->level - 1;
    while (i >= 0 && m->captures[i].size != CAPTURE_OPEN)
        i--;
    if (i < 0)
        luaL_error(m->L, "invalid pattern capture");
    m->captures[i].size = s - m->captures[i].start;
    const char *end = match_here(m, s, p + 1, depth - 1);
    if (end == NULL)
        m->captures[i].size = CAPTURE_OPEN;
    return end;
}

/* %bxy; p is at x. */
static const char *
match_balance(struct match *m, const char *s, const char *p)
{
    if (p + 1 >= m->pattern_end)
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->subject_end || *s != *p)
        return NULL;
    for (size_t open = 1; ++s < m->subject_end;) {
        step(m);
        if (*s == p[1]) {
            if (--open == 0)
                return s + 1;
        } else if (*s == *p) {
            open++;
        }
    }
    return NULL;
}

/* %f[set]; p is at '[' or what stands for it. Moves p behind it. */
static bool
match_frontier(struct match *m, const char *s, const char **p)
{
    if (*p >= m->pattern_end || **p != '[')
        luaL_error(m->L, "missing '[' after '%%f' in pattern");
    const char *after = item_end(m, *p);
    int before = s == m->subject ? '\0' : (unsigned char)s[-1];
    int here = s == m->subject_end ? '\0' : (unsigned char)*s;
    bool matches = !in_set(m, before, *p, after - 1) && in_set(m, here, *p, after - 1);
    *p = after;
    return matches;
}

/* %1 to %9: the same bytes again. */
static const char *
match_again(struct match *m, const char *s, int digit)
{
    int i = digit - '1';
    if (i < 0 || i >= m->level || m->captures[i].size == CAPTURE_OPEN) {
        luaL_error(m->L, "invalid capture index %%%d", i + 1);
        return NULL;
    }
    /* A position capture has no bytes: its size is more than any subject's, and never matches. */
    size_t size = (size_t)m->captures[i].size;
    if ((size_t)(m->subject_end - s) < size || memcmp(m->captures[i].start, s, size) != 0)
        return NULL;
    limit_charge(m->L, size / 8);
    return s + size;
}

/* %b, %f and %1, which are no single characters: true when p was one, then both are moved on, and
 * s is NULL when it did not match. */
static bool
match_special(struct match *m, const char **s, const char **p)
{
    if (**p != '%' || *p + 1 == m->pattern_end)
        return false;
    char kind = (*p)[1];
    if (kind == 'b') {
        *s = match_balance(m, *s, *p + 2);
        *p += 4;
    } else if (kind == 'f') {
        *p += 2;
        if (!match_frontier(m, *s, p))
            *s = NULL;
    } else if (isdigit((unsigned char)kind)) {
        *s = match_again(m, *s, kind);
        *p += 2;
    } else {
        return false;
    }
    return true;
}

/* The end of a match of the rest of the pattern at s, or NULL. */
static const char *
match_here(struct match *m, const char *s, const char *p, int depth)
{
    if (depth == 0)
        luaL_error(m->L, "pattern too complex");
    while (s != NULL && p != m->pattern_end) {
        step(m);
        if (*p == '(')
            return open_capture(m, s, p, depth);
        if (*p == ')')
            return close_capture(m, s, p, depth);
        if (*p == '$' && p + 1 == m->pattern_end)
            return s == m->subject_end ? s : NULL;
        if (match_special(m, &s, &p))
            continue;
        const char *after = item_end(m, p);
        char repeat = after < m->pattern_end ? *after : '\0';
        if (repeat == '*')
            return match_most(m, s, p, after, depth);
        if (repeat == '-')
            return match_least(m, s, p, after, depth);
        bool one = match_one(m, s, p, after);
        if (repeat == '+')
            return one ? match_most(m, s + 1, p, after, depth) : NULL;
        if (repeat == '?') {
            const char *end = one ? match_here(m, s + 1, after + 1, depth - 1) : NULL;
            if (end != NULL)
                return end;
            p = after + 1;
        } else {
            s = one ? s + 1 : NULL;
            p = after;
        }
    }
    return s;
}

static void
match_open(struct match *m, lua_State *L, int subject, int pattern, const char **p)
{
    size_t size;
    m->L = L;
    m->subject = lua_tolstring(L, subject, &size);
    m->subject_end = m->subject + size;
    *p = lua_tolstring(L, pattern, &size);
    m->pattern_end = *p + size;
    m->steps = 0;
    m->level = 0;
}

static const char *
match_at(struct match *m, const char *s, const char *p)
{
    m->level = 0;
    return match_here(m, s, p, DEPTH_MAX);
}

/* Capture i, the whole match when the pattern has none. */
static void
push_capture(struct match *m, int i, const char *s, const char *end)
{
    if (i >= m->level) {
        if (i != 0)
            luaL_error(m->L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(m->L, s, (size_t)(end - s));
    } else if (m->captures[i].size == CAPTURE_POSITION) {
        lua_pushinteger(m->L, m->captures[i].start - m->subject + 1);
    } else if (m->captures[i].size == CAPTURE_OPEN) {
        luaL_error(m->L, "unfinished capture");
    } else {
        lua_pushlstring(m->L, m->captures[i].start, (size_t)m->captures[i].size);
    }
}

static int
push_captures(struct match *m, const char *s, const char *end, bool whole)
{
    int count = m->level == 0 && whole ? 1 : m->level;
    luaL_checkstack(m->L, count, "too many captures");
    for (int i = 0; i < count; i++)
        push_capture(m, i, s, end);
    return count;
}

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
                return push_captures(&m, s, end, true);
            lua_pushinteger(L, s - m.subject + 1);
            lua_pushinteger(L, end - m.subject);
            return 2 + push_captures(&m, s, end, false);
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
        return push_captures(&m, s, end, true);
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
        text_add(text, from, (size_t)(escape - from));
        char what = escape + 1 < from_end ? escape[1] : '\0';
        from = escape + 2;
        if (what == '%') {
            text_add(text, "%", 1);
        } else if (what == '0') {
            text_add(text, s, (size_t)(end - s));
        } else if (isdigit((unsigned char)what)) {
            push_capture(m, what - '1', s, end);
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
        lua_call(L, push_captures(m, s, end, true), 1);
    } else if (type == LUA_TTABLE) {
        push_capture(m, 0, s, end);
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

/* Leaves the result's text open; the number of replacements, or -1 less it if none changed. */
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
