#include "vat/live/fault.h"

#include "base/arena.h"
#include "base/list.h"
#include "value/errorvalue.h"
#include "vat/internal.h"
#include "vat/library/text.h"
#include "vat/machine/limit.h"
#include "vat/machine/outside.h"
#include "vat/machine/sandbox.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#define LINES_MAX 1000 /* printed in one delivery; what else is logged comes on top */
#define LINE_MAX_SIZE 4096

/* The log */

static void
log_line(lua_State *L, enum vat_log_level level, const char *text, size_t size)
{
    struct vat *vat = vat_of(L);
    if (vat->run.mode == VAT_REPLAY || vat->run.log.count >= 2 * LINES_MAX)
        return;
    if (size > LINE_MAX_SIZE)
        size = LINE_MAX_SIZE;
    outside_begin();
    struct bytes copy = arena_copy(&vat->run.arena, (struct bytes){(const uint8_t *)text, size});
    struct vat_log_line line = {level, copy};
    list_push(&vat->run.log, line);
    outside_end();
}

void
fault_log_unhandled(lua_State *L, int index)
{
    lua_pushfstring(L, "unhandled rejection: %s", fault_push_text(L, index));
    log_line(L, VAT_LOG_UNHANDLED, lua_tostring(L, -1), lua_rawlen(L, -1));
}

static int
l_print(lua_State *L)
{
    struct vat *vat = vat_of(L);
    int count = lua_gettop(L);
    struct text line;
    text_open(&line, L);
    for (int i = 1; i <= count; i++) {
        size_t size;
        if (i > 1)
            text_add(&line, "\t", 1);
        const char *piece = sandbox_tostring(L, i, &size);
        lua_replace(L, i); /* kept by the stack until it is copied */
        text_add(&line, piece, size);
    }
    if (line.size > LINE_MAX_SIZE)
        errorvalue_push(L, "LimitExceeded", "print: a line of %d bytes, the limit is 4096 (4 KiB)",
            (int)line.size);
    else if (vat->run.print_count == LINES_MAX)
        errorvalue_push(
            L, "LimitExceeded", "print: more than 1000 lines in one delivery, the limit");
    else
        log_line(L, VAT_LOG_PRINT, line.data, line.size);
    if (errorvalue_is(L, -1))
        return lua_error(L);
    vat->run.print_count++;
    return 0;
}

void
fault_open(lua_State *L)
{
    lua_pushcfunction(L, l_print);
    lua_setglobal(L, "print");
}

/* Reasons */

/* True when a chunk may have this name, as Lua shows it in a position. */
static bool
is_chunk(lua_State *L, const char *name, size_t size)
{
    const struct vat *vat = vat_of(L);
    if (size > 3 && memcmp(name, "...", 3) == 0)
        return true;
    if (size > 9 && memcmp(name, "[string \"", 9) == 0 && name[size - 1] == ']')
        return true;
    for (size_t i = 0; i < vat->modules.count; i++) {
        struct bytes module = vat->modules.items[i].name;
        if (module.size == size && memcmp(module.data, name, size) == 0)
            return true;
    }
    return false;
}

/* The text without the positions that Lua put before it. */
static const char *
strip(lua_State *L, const char *text)
{
    const char *at = text;
    for (;;) {
        const char *colon = strchr(at, ':');
        if (colon == NULL)
            return text;
        const char *rest = colon + 1;
        while (isdigit((unsigned char)*rest))
            rest++;
        if (rest > colon + 1 && rest[0] == ':' && rest[1] == ' ') {
            if (!is_chunk(L, text, (size_t)(colon - text)))
                return text;
            text = at = rest + 2;
        } else {
            at = colon + 1;
        }
    }
}

static int
p_traceback(lua_State *L)
{
    luaL_traceback(L, lua_touserdata(L, 1), lua_tostring(L, 2), 0);
    return 1;
}

/* The buffer that Lua writes a traceback into asks for no collection, and raises when the heap is
   full: then the text goes without, and no more of it than a line takes goes in. */
static void
log_traceback(lua_State *L, lua_State *thread, const char *text, size_t size)
{
    lua_pushcfunction(L, p_traceback);
    lua_pushlightuserdata(L, thread);
    lua_pushlstring(L, text, size < LINE_MAX_SIZE ? size : LINE_MAX_SIZE);
    if (lua_pcall(L, 2, 1, 0) == LUA_OK)
        text = lua_tolstring(L, -1, &size);
    log_line(L, VAT_LOG_FAULT, text, size);
    lua_pop(L, 1);
}

bool
fault_take(lua_State *L, lua_State *thread)
{
    if (lua_type(L, -1) != LUA_TSTRING)
        return false;
    const char *text = lua_tostring(L, -1);
    log_traceback(L, thread, text, lua_rawlen(L, -1));
    lua_createtable(L, 0, 2);
    lua_pushliteral(L, "Error");
    lua_setfield(L, -2, "name");
    const char *message = strip(L, text);
    lua_pushlstring(L, message, lua_rawlen(L, -2) - (size_t)(message - text));
    lua_setfield(L, -2, "message");
    errorvalue_make(L);
    lua_replace(L, -2);
    return true;
}

void
fault_make_reason(lua_State *L)
{
    if (lua_type(L, -1) != LUA_TSTRING)
        return;
    errorvalue_push(L, "Error", "%s", strip(L, lua_tostring(L, -1)));
    lua_replace(L, -2);
}

void
fault_push_late(lua_State *L)
{
    enum vat_fault fault = (enum vat_fault)vat_of(L)->run.delivery.budget_exceeded;
    assert(fault != VAT_OK);
    errorvalue_push(L, "BudgetExceeded", "%s", limit_text(fault));
}

const char *
fault_push_text(lua_State *L, int index)
{
    if (errorvalue_is(L, index)) {
        luaL_tolstring(L, index, NULL); /* our own __tostring */
        lua_pushliteral(L, "name");
        lua_rawget(L, index);
        if (lua_type(L, -1) == LUA_TSTRING) {
            lua_pushfstring(L, "%s: %s", lua_tostring(L, -1), lua_tostring(L, -2));
            lua_replace(L, -3);
        }
        lua_pop(L, 1);
    } else if (lua_type(L, index) == LUA_TSTRING || lua_type(L, index) == LUA_TNUMBER) {
        lua_pushvalue(L, index);
    } else if (lua_type(L, index) == LUA_TBOOLEAN || lua_isnil(L, index)) {
        luaL_tolstring(L, index, NULL);
    } else {
        lua_pushfstring(L, "a value of type %s", luaL_typename(L, index));
    }
    return lua_tostring(L, -1);
}
