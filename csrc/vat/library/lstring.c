/* The string functions that build strings, but for the patterns' own. */
#include "vat/library/library.h"

#include "vat/library/text.h"
#include "vat/machine/limit.h"
#include "vat/machine/sandbox.h"

#include <assert.h>
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SPEC_MAX 32    /* characters of one conversion, '%' and NUL included */
#define NUMBER_MAX 440 /* of %.99f with the largest double */

static int
map_bytes(lua_State *L, int (*map)(int))
{
    size_t size;
    const char *from = luaL_checklstring(L, 1, &size);
    limit_charge(L, size / 8);
    struct text text;
    text_open(&text, L);
    char *to = text_reserve(&text, size);
    for (size_t i = 0; i < size; i++)
        to[i] = (char)map((unsigned char)from[i]);
    text.size = size;
    text_push(&text);
    return 1;
}

static int
l_lower(lua_State *L)
{
    return map_bytes(L, tolower);
}

static int
l_upper(lua_State *L)
{
    return map_bytes(L, toupper);
}

static int
l_reverse(lua_State *L)
{
    size_t size;
    const char *from = luaL_checklstring(L, 1, &size);
    limit_charge(L, size / 8);
    struct text text;
    text_open(&text, L);
    char *to = text_reserve(&text, size);
    for (size_t i = 0; i < size; i++)
        to[i] = from[size - 1 - i];
    text.size = size;
    text_push(&text);
    return 1;
}

static int
l_char(lua_State *L)
{
    int count = lua_gettop(L);
    struct text text;
    text_open(&text, L);
    char *to = text_reserve(&text, (size_t)count);
    for (int i = 1; i <= count; i++) {
        lua_Unsigned code = (lua_Unsigned)luaL_checkinteger(L, i);
        luaL_argcheck(L, code <= UCHAR_MAX, i, "value out of range");
        *to++ = (char)code;
    }
    text.size = (size_t)count;
    text_push(&text);
    return 1;
}

/* rep(string, count [, separator]) */
static int
l_rep(lua_State *L)
{
    size_t size, gap;
    const char *piece = luaL_checklstring(L, 1, &size);
    lua_Integer count = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &gap);
    if (count <= 0 || size + gap == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (size + gap > (uint64_t)LUA_MAXINTEGER / (uint64_t)count)
        return luaL_error(L, "resulting string too large");
    size_t total = size * (size_t)count + gap * ((size_t)count - 1);
    struct text text;
    text_open(&text, L);
    text_reserve(&text, total);
    limit_charge(L, total / 8 + (uint64_t)count);
    for (; count > 0; count--) {
        text_add(&text, piece, size);
        if (count > 1)
            text_add(&text, separator, gap);
    }
    assert(text.size == total);
    text_push(&text);
    return 1;
}

/* One conversion of a format: "%-5.2f" has the flag "-", a width, a precision and 'f'. */
struct spec {
    char form[SPEC_MAX];
    size_t size; /* in the format, '%' and the letter included */
    char letter;
    bool plain; /* no flags, width or precision */
    bool precise;
};

static const char *
allowed_flags(char letter)
{
    switch (letter) {
    case 'c':
    case 's':
        return "-";
    case 'd':
    case 'i':
        return "-+ 0";
    case 'u':
        return "-0";
    case 'o':
    case 'x':
    case 'X':
        return "-#0";
    case 'q':
        return "";
    default:
        return letter != '\0' && strchr("aAeEfgG", letter) != NULL ? "-+ #0" : NULL;
    }
}

static void
read_spec(lua_State *L, struct spec *spec, const char *at, const char *end)
{
    size_t length = strspn(at + 1, "-+ #0123456789.") + 1;
    if (length >= SPEC_MAX - 10)
        luaL_error(L, "invalid format string to 'format'");
    spec->letter = at + length < end ? at[length] : '\0';
    spec->size = length + 1;
    spec->plain = length == 1;
    spec->precise = memchr(at, '.', length) != NULL;
    memcpy(spec->form, at, length);
    spec->form[length] = spec->letter;
    spec->form[length + 1] = '\0';
    if (spec->letter == 'p')
        luaL_error(L, "'%%p' is not available in a vat: addresses are hidden");
    if (allowed_flags(spec->letter) == NULL)
        luaL_error(L, "invalid conversion '%s' to 'format'", spec->form);
    if (spec->letter == 'q' && !spec->plain)
        luaL_error(L, "specifier '%%q' cannot have modifiers");
}

static const char *
skip_digits(const char *p)
{
    for (int i = 0; i < 2 && isdigit((unsigned char)*p); i++)
        p++;
    return p;
}

/* Flags, a width and a precision of two digits at most: snprintf takes nothing else. */
static void
check_spec(lua_State *L, const struct spec *spec)
{
    const char *p = spec->form + 1;
    p += strspn(p, allowed_flags(spec->letter));
    if (*p != '0')
        p = skip_digits(p);
    if (*p == '.' && spec->letter != 'c')
        p = skip_digits(p + 1);
    if (p != spec->form + spec->size - 1)
        luaL_error(L, "invalid conversion specification: '%s'", spec->form);
}

/* C wants "%lld" for "%d". */
static void
lengthen(struct spec *spec)
{
    size_t last = spec->size - 1;
    assert(last + 4 <= SPEC_MAX && spec->form[last] == spec->letter);
    memcpy(spec->form + last, "ll", 2);
    spec->form[last + 2] = spec->letter;
    spec->form[last + 3] = '\0';
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void
format_number(struct text *text, struct spec *spec, int arg)
{
    lua_State *L = text->L;
    bool whole = strchr("cdiuoxX", spec->letter) != NULL;
    lua_Integer integer = whole ? luaL_checkinteger(L, arg) : 0;
    lua_Number number = whole ? 0 : luaL_checknumber(L, arg);
    check_spec(L, spec);
    char *to = text_reserve(text, NUMBER_MAX);
    int size;
    if (spec->letter == 'c') {
        size = snprintf(to, NUMBER_MAX, spec->form, (int)integer);
    } else if (whole) {
        lengthen(spec);
        size = snprintf(to, NUMBER_MAX, spec->form, (long long)integer);
    } else {
        size = snprintf(to, NUMBER_MAX, spec->form, number);
    }
    assert(size >= 0 && size < NUMBER_MAX);
    text->size += (size_t)size;
}

static void
format_string(struct text *text, const struct spec *spec, int arg)
{
    lua_State *L = text->L;
    size_t size;
    const char *string = sandbox_tostring(L, arg, &size);
    if (spec->plain) {
        text_add(text, string, size);
    } else {
        luaL_argcheck(L, size == strlen(string), arg, "string contains zeros");
        check_spec(L, spec);
        if (!spec->precise && size >= 100) { /* no width can matter */
            text_add(text, string, size);
        } else {
            char *to = text_reserve(text, NUMBER_MAX);
            int length = snprintf(to, NUMBER_MAX, spec->form, string);
            assert(length >= 0 && length < NUMBER_MAX);
            text->size += (size_t)length;
        }
    }
    lua_pop(L, 1);
}

#pragma GCC diagnostic pop

static void
quote_string(struct text *text, const char *string, size_t size)
{
    text_add(text, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)string[i];
        char escape[8];
        if (c == '"' || c == '\\' || c == '\n') {
            text_add(text, "\\", 1);
            text_add(text, string + i, 1);
        } else if (iscntrl(c)) {
            bool digit = i + 1 < size && isdigit((unsigned char)string[i + 1]);
            int length = snprintf(escape, sizeof escape, digit ? "\\%03d" : "\\%d", c);
            text_add(text, escape, (size_t)length);
        } else {
            text_add(text, string + i, 1);
        }
    }
    text_add(text, "\"", 1);
}

static int
quote_float(char *to, size_t size, lua_Number number)
{
    if (isinf(number))
        return snprintf(to, size, number > 0 ? "1e9999" : "-1e9999");
    if (isnan(number))
        return snprintf(to, size, "(0/0)");
    return snprintf(to, size, "%a", number);
}

static void
format_quoted(struct text *text, int arg)
{
    lua_State *L = text->L;
    char number[64];
    size_t size;
    const char *string;
    switch (lua_type(L, arg)) {
    case LUA_TSTRING:
        string = lua_tolstring(L, arg, &size);
        quote_string(text, string, size);
        break;
    case LUA_TNUMBER:
        if (!lua_isinteger(L, arg))
            text_add(
                text, number, (size_t)quote_float(number, sizeof number, lua_tonumber(L, arg)));
        else if (lua_tointeger(L, arg) == LUA_MININTEGER)
            text_add(text, "0x8000000000000000", 18);
        else
            text_add(text, number,
                (size_t)snprintf(number, sizeof number, "%lld", (long long)lua_tointeger(L, arg)));
        break;
    case LUA_TNIL:
    case LUA_TBOOLEAN:
        string = sandbox_tostring(L, arg, &size);
        text_add(text, string, size);
        lua_pop(L, 1);
        break;
    default:
        luaL_argerror(L, arg, "value has no literal form");
    }
}

static int
l_format(lua_State *L)
{
    int top = lua_gettop(L), arg = 1;
    size_t size;
    const char *format = luaL_checklstring(L, 1, &size);
    const char *end = format + size;
    limit_charge(L, size / 8);
    struct text text;
    text_open(&text, L);
    while (format < end) {
        const char *percent = memchr(format, '%', (size_t)(end - format));
        if (percent == NULL)
            percent = end;
        text_add(&text, format, (size_t)(percent - format));
        format = percent;
        if (format == end)
            break;
        if (format + 1 < end && format[1] == '%') {
            text_add(&text, "%", 1);
            format += 2;
            continue;
        }
        if (++arg > top)
            return luaL_argerror(L, arg, "no value");
        struct spec spec;
        read_spec(L, &spec, format, end);
        format += spec.size;
        if (spec.letter == 'q')
            format_quoted(&text, arg);
        else if (spec.letter == 's')
            format_string(&text, &spec, arg);
        else
            format_number(&text, &spec, arg);
    }
    limit_charge(L, text.size / 8);
    text_push(&text);
    return 1;
}

const luaL_Reg lstring_functions[] = {
    {"char", l_char},
    {"format", l_format},
    {"lower", l_lower},
    {"rep", l_rep},
    {"reverse", l_reverse},
    {"upper", l_upper},
    {NULL, NULL},
};
