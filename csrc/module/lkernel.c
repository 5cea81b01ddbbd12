/* A kernel as userdata: what may be asked of it, opening and closing, its log. */
#include "module/lmodule.h"

#include "base/memory.h"
#include "kernel/face/block.h"
#include "kernel/face/vats.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Checking */

struct lkernel *
lkernel_check(lua_State *L, int index)
{
    struct lkernel *kernel = luaL_checkudata(L, index, KERNEL_TYPE);
    if (kernel->host == NULL)
        lerror_raise(L, LERROR_CLOSED, "%s: this kernel is closed; open it again",
            kernel->path == NULL ? "moonvat" : kernel->path);
    return kernel;
}

void
lkernel_check_running(lua_State *L, struct lkernel *kernel)
{
    assert(kernel->host != NULL);
    const char *stopped = kernel_stopped(host_kernel(kernel->host));
    if (stopped != NULL)
        lerror_raise(L, LERROR_STOPPED, "%s", stopped);
}

void
lkernel_check_store(lua_State *L, struct lkernel *kernel)
{
    const char *error = kernel_store_error(host_kernel(kernel->host));
    if (error != NULL)
        lerror_raise(L, LERROR_STORE, "%s", error);
}

void
lkernel_check_open(lua_State *L, const struct lkernel *kernel, const char *who)
{
    if (kernel->host == NULL)
        lerror_raise(L, LERROR_CLOSED, "%s closed the kernel while it ran", who);
}

const char *
lkernel_push_text(lua_State *L, struct buf *text)
{
    const char *pushed = lua_pushstring(L, buf_string(text));
    buf_free(text);
    return pushed;
}

void
lkernel_read_clock(lua_State *L, int index, struct lkernel *kernel)
{
    assert(kernel->host != NULL);
    if (!kernel->clocked)
        return;
    lua_getiuservalue(L, index, 2);
    lua_call(L, 0, 1);
    int good;
    double now = lua_tonumberx(L, -1, &good);
    if (!good || !(now >= 0 && now < 1e15))
        lerror_raise(L, LERROR_MISUSE,
            "moonvat.open: clock must return a number of seconds of at least 0, got %s",
            luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
    lkernel_check_open(L, kernel, "the clock function");
    host_set_now(kernel->host, now);
}

struct lkernel *
lkernel_check_writable(lua_State *L, int index)
{
    struct lkernel *kernel = lkernel_check(L, index);
    if (kernel->readonly)
        lerror_raise(L, LERROR_READONLY, "%s is open for reading only", kernel->path);
    lkernel_check_running(L, kernel);
    lkernel_read_clock(L, index, kernel);
    return kernel;
}

/* Opening and closing */

static int64_t
option_integer(lua_State *L, const char *name, int64_t otherwise, int64_t least)
{
    if (lua_getfield(L, 1, name) == LUA_TNIL) {
        lua_pop(L, 1);
        return otherwise;
    }
    int whole;
    int64_t value = lua_tointegerx(L, -1, &whole);
    if (!whole || lua_type(L, -1) != LUA_TNUMBER || value < least)
        lerror_raise(L, LERROR_MISUSE,
            "moonvat.open: %s must be a whole number of at least %I, got %s", name,
            (LUAI_UACINT)least, luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
    return value;
}

static void
read_options(lua_State *L, struct host_options *options)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_getfield(L, 1, "db") != LUA_TSTRING)
        lerror_raise(L, LERROR_MISUSE,
            "moonvat.open: db must be a file name or \":memory:\", got %s", luaL_typename(L, -1));
    options->path = lua_tostring(L, -1); /* stays on the stack */
    options->commit_every = option_integer(L, "commit_every", 1, 1);
    options->commit_ms = option_integer(L, "commit_ms", 0, 0);
    options->vats_online = option_integer(L, "vats_online", 50, 1);
    lua_getfield(L, 1, "readonly");
    options->mode = lua_toboolean(L, -1) ? DB_READ : DB_WRITE;
    lua_pop(L, 1);
    int log = lua_getfield(L, 1, "log");
    if (log != LUA_TNIL && log != LUA_TFUNCTION)
        lerror_raise(
            L, LERROR_MISUSE, "moonvat.open: log must be a function, got %s", luaL_typename(L, -1));
    int clock = lua_getfield(L, 1, "clock");
    if (clock != LUA_TNIL && clock != LUA_TFUNCTION)
        lerror_raise(L, LERROR_MISUSE, "moonvat.open: clock must be a function, got %s",
            luaL_typename(L, -1));
}

static int
l_open(lua_State *L)
{
    struct host_options options;
    char *error = NULL;
    read_options(L, &options); /* pushes db, log and clock */
    struct lkernel *kernel = lua_newuserdatauv(L, sizeof *kernel, 2);
    *kernel =
        (struct lkernel){.readonly = options.mode == DB_READ, .clocked = lua_isfunction(L, -2)};
    luaL_setmetatable(L, KERNEL_TYPE);
    assert(lua_tostring(L, -4) == options.path);
    lua_pushvalue(L, -3);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, 2);
    kernel->path = memory_text(options.path);
    errno = 0;
    kernel->host = host_open(&options, &error);
    if (kernel->host == NULL) {
        assert(error != NULL);
        enum lerror code = errno == EWOULDBLOCK ? LERROR_IN_USE : LERROR_UNOPENED;
        lua_pushstring(L, error);
        free(error);
        return lerror_raise(L, code, "%s", lua_tostring(L, -1));
    }
    return 1;
}

static int
l_close(lua_State *L)
{
    struct lkernel *kernel = luaL_checkudata(L, 1, KERNEL_TYPE);
    if (kernel->host == NULL)
        return 0;
    struct host *host = kernel->host;
    bool told = kernel_stopped(host_kernel(host)) != NULL;
    kernel->host = NULL;
    if (!host_close(host) && !told)
        return lerror_raise(L, LERROR_UNSAVED, "the last commit failed");
    return 0;
}

/* The collector closes without committing errors: there is nobody to tell. */
static int
l_gc(lua_State *L)
{
    struct lkernel *kernel = luaL_checkudata(L, 1, KERNEL_TYPE);
    struct host *host = kernel->host;
    kernel->host = NULL;
    host_close(host);
    free(kernel->path);
    kernel->path = NULL;
    return 0;
}

/* The log */

static void
push_log_entry(lua_State *L, struct lkernel *kernel, const struct log_entry *entry)
{
    static const char *const levels[] = {"print", "undone", "fault", "unhandled", "notice"};
    struct line {
        struct bytes vat;
        const char *level;
        struct bytes text;
        uint64_t crank;
    };
    static const struct lfield fields[] = {
        {"vat", LFIELD_BYTES, offsetof(struct line, vat)},
        {"level", LFIELD_TEXT, offsetof(struct line, level)},
        {"text", LFIELD_BYTES, offsetof(struct line, text)},
        {"crank", LFIELD_INTEGER, offsetof(struct line, crank)},
        {NULL, LFIELD_TEXT, 0},
    };
    struct vat_info vat;
    bool known = kernel_vat_info(host_kernel(kernel->host), entry->vat, &vat);
    struct line line = {known ? vat.name : bytes_of("kernel"), levels[entry->level],
        {(const uint8_t *)entry->text, entry->size}, entry->crank};
    lfields_push(L, &line, fields);
}

void
lkernel_tell_log(lua_State *L, int index)
{
    struct lkernel *kernel = lua_touserdata(L, index);
    int top = lua_gettop(L);
    assert(kernel->host != NULL);
    size_t count;
    host_log(kernel->host, &count);
    if (count == 0)
        return;
    if (lua_getiuservalue(L, index, 1) != LUA_TFUNCTION) {
        lua_pop(L, 1);
        host_log_clear(kernel->host);
        return;
    }
    lua_newtable(L);
    const struct log_entry *entries = host_log(kernel->host, &count);
    for (size_t i = 0; i < count; i++) {
        push_log_entry(L, kernel, &entries[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    host_log_clear(kernel->host);
    for (size_t i = 0; i < count; i++) {
        lua_pushvalue(L, -2);
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        lua_call(L, 1, 0);
    }
    lkernel_check_open(L, kernel, "the log function");
    lua_settop(L, top);
}

/* notice(text): a line of the log that no vat wrote */
static int
l_notice(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    host_notice(kernel->host, bytes_of(luaL_checkstring(L, 2)));
    lkernel_tell_log(L, 1);
    return 0;
}

/* Registration */

const luaL_Reg lkernel_functions[] = {
    {"open", l_open},
    {NULL, NULL},
};

const luaL_Reg lkernel_methods[] = {
    {"close", l_close},
    {"notice", l_notice},
    {NULL, NULL},
};

static const luaL_Reg meta[] = {
    {"__gc", l_gc},
    {"__close", l_close},
    {NULL, NULL},
};

void
lkernel_open(lua_State *L)
{
    luaL_newmetatable(L, KERNEL_TYPE);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_insert(L, -2);
    luaL_setfuncs(L, meta, 1);
    lua_pop(L, 1);
}
