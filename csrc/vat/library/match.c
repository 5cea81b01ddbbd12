#include "vat/library/match.h"

#include "vat/machine/limit.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 200
#define CHARGE_STEPS 256

/* Sizes of captures that have none. */
#define CAPTURE_OPEN (-1)
#define CAPTURE_POSITION (-2)

static const char *match_here(struct match *m, const char *s, const char *p, int depth);

static void
step(struct match *m)
{
    assert(m->steps < CHARGE_STEPS);
    if (++m->steps == CHARGE_STEPS) {
        limit_charge(m->L, CHARGE_STEPS);
        m->steps = 0;
    }
}

/* The end of the single-character item at p. */
static const char *
item_end(struct match *m, const char *p)
{
    const char *begin = p;
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
    assert(p > begin && p < m->pattern_end);
    limit_charge_bytes(m->L, (size_t)(p - begin));
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
    assert(s >= m->subject && p < after && after <= m->pattern_end);
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
    assert(m->level >= 0 && m->level <= CAPTURE_MAX);
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
    assert(m->captures[i].size >= 0);
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
    if ((size_t)(m->subject_end - s) < size)
        return NULL;
    limit_charge_bytes(m->L, size);
    return memcmp(m->captures[i].start, s, size) == 0 ? s + size : NULL;
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
    assert(depth >= 0 && s != NULL && p <= m->pattern_end);
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

void
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

const char *
match_at(struct match *m, const char *s, const char *p)
{
    assert(s >= m->subject && s <= m->subject_end);
    m->level = 0;
    return match_here(m, s, p, DEPTH_MAX);
}

void
match_push(struct match *m, int i, const char *s, const char *end)
{
    assert(i >= -1 && s <= end && s >= m->subject && end <= m->subject_end);
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

int
match_push_all(struct match *m, const char *s, const char *end, bool whole)
{
    int count = m->level == 0 && whole ? 1 : m->level;
    luaL_checkstack(m->L, count, "too many captures");
    for (int i = 0; i < count; i++)
        match_push(m, i, s, end);
    return count;
}
