/* The Lua module moonvat.core: a kernel as userdata, and what drives it. */
#include "base/memory.h"
#include "host/internal.h"
#include "module/lhost.h"
#include "store/measure.h"
#include "value/marshal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VERSION "0.1.0"

enum { STEPS_BETWEEN_TIMERS = 64 }; /* while there is other work; without, each step looks */

static double
monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Checking */

struct lkernel *
check_kernel(lua_State *L, int index)
{
    struct lkernel *kernel = luaL_checkudata(L, index, KERNEL_TYPE);
    if (kernel->host == NULL)
        luaL_error(L, "%s: this kernel is closed; open it again",
            kernel->path == NULL ? "moonvat" : kernel->path);
    return kernel;
}

void
check_running(lua_State *L, struct lkernel *kernel)
{
    const char *stopped = kernel_stopped(host_kernel(kernel->host));
    if (stopped != NULL)
        luaL_error(L, "%s", stopped);
}

void
check_store(lua_State *L, struct lkernel *kernel)
{
    const char *error = state_error(kernel_state(host_kernel(kernel->host)));
    if (error != NULL)
        luaL_error(L, "%s", error);
}

void
check_not_closed(lua_State *L, const struct lkernel *kernel, const char *who)
{
    if (kernel->host == NULL)
        luaL_error(L, "%s closed the kernel while it ran", who);
}

/* Asks the program's clock, when it has one. */
static void
read_clock(lua_State *L, int index, struct lkernel *kernel)
{
    if (!kernel->clocked)
        return;
    lua_getiuservalue(L, index, 2);
    lua_call(L, 0, 1);
    int good;
    double now = lua_tonumberx(L, -1, &good);
    if (!good || !(now >= 0 && now < 1e15))
        luaL_error(L, "moonvat.open: clock must return a number of seconds of at least 0, got %s",
            luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
    check_not_closed(L, kernel, "the clock function");
    host_set_now(kernel->host, now);
}

struct lkernel *
check_writable(lua_State *L, int index)
{
    struct lkernel *kernel = check_kernel(L, index);
    if (kernel->readonly)
        luaL_error(L, "%s is open for reading only", kernel->path);
    check_running(L, kernel);
    read_clock(L, index, kernel);
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
        luaL_error(L, "moonvat.open: %s must be a whole number of at least %I, got %s", name,
            (LUAI_UACINT)least, luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
    return value;
}

static void
read_options(lua_State *L, struct host_options *options)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_getfield(L, 1, "db") != LUA_TSTRING)
        luaL_error(L, "moonvat.open: db must be a file name or \":memory:\", got %s",
            luaL_typename(L, -1));
    options->path = lua_tostring(L, -1); /* stays on the stack */
    options->commit_every = option_integer(L, "commit_every", 1, 1);
    options->commit_ms = option_integer(L, "commit_ms", 0, 0);
    options->vats_online = option_integer(L, "vats_online", 50, 1);
    lua_getfield(L, 1, "readonly");
    options->mode = lua_toboolean(L, -1) ? DB_READ : DB_WRITE;
    lua_pop(L, 1);
    int log = lua_getfield(L, 1, "log");
    if (log != LUA_TNIL && log != LUA_TFUNCTION)
        luaL_error(L, "moonvat.open: log must be a function, got %s", luaL_typename(L, -1));
    int clock = lua_getfield(L, 1, "clock");
    if (clock != LUA_TNIL && clock != LUA_TFUNCTION)
        luaL_error(L, "moonvat.open: clock must be a function, got %s", luaL_typename(L, -1));
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
    lua_pushvalue(L, -3);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, 2);
    kernel->path = memory_text(options.path);
    kernel->host = host_open(&options, &error);
    if (kernel->host == NULL) {
        lua_pushstring(L, error);
        free(error);
        return lua_error(L);
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
    const char *stopped = kernel_stopped(host_kernel(host));
    lua_pushstring(L, stopped == NULL ? "the last commit failed" : stopped);
    kernel->host = NULL;
    if (!host_close(host) && stopped == NULL)
        return lua_error(L);
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
    struct vat_record *vat = vat_get(kernel_state(host_kernel(kernel->host)), entry->vat);
    lua_createtable(L, 0, 4);
    if (vat != NULL)
        lua_pushlstring(L, (const char *)vat->name->body, vat->name->size);
    else
        lua_pushstring(L, "kernel");
    lua_setfield(L, -2, "vat");
    lua_pushstring(L, levels[entry->level]);
    lua_setfield(L, -2, "level");
    lua_pushlstring(L, entry->text, entry->size);
    lua_setfield(L, -2, "text");
    lua_pushinteger(L, (lua_Integer)entry->crank);
    lua_setfield(L, -2, "crank");
}

void
tell_log(lua_State *L, int index)
{
    struct lkernel *kernel = lua_touserdata(L, index);
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
    check_not_closed(L, kernel, "the log function");
    lua_pop(L, 2);
}

/* notice(text): a line of the log that no vat wrote */
static int
l_notice(lua_State *L)
{
    struct lkernel *kernel = check_writable(L, 1);
    host_log_add(kernel->host, LOG_NOTICE, 0, bytes_of(luaL_checkstring(L, 2)));
    tell_log(L, 1);
    return 0;
}

/* Running */

static bool
step(lua_State *L, struct lkernel *kernel)
{
    read_clock(L, 1, kernel);
    if (kernel->timers && ++kernel->steps >= STEPS_BETWEEN_TIMERS && fire_timers(L, kernel))
        return true;
    if (serve_call(L, kernel))
        return true;
    enum host_step how = host_step(kernel->host);
    tell_log(L, 1);
    if (how == HOST_STOPPED)
        check_running(L, kernel);
    if (how == HOST_IDLE && kernel->timers)
        return fire_timers(L, kernel);
    return how == HOST_DONE;
}

static int
l_step(lua_State *L)
{
    struct lkernel *kernel = check_writable(L, 1);
    lua_pushboolean(L, step(L, kernel));
    return 1;
}

/* A limit of run; negative: none. */
static double
run_limit(lua_State *L, const char *name)
{
    if (lua_isnoneornil(L, 2))
        return -1;
    double limit = -1;
    if (lua_getfield(L, 2, name) != LUA_TNIL) {
        if (lua_type(L, -1) != LUA_TNUMBER || lua_tonumber(L, -1) < 0)
            luaL_error(L, "run: %s must be a number of at least 0, got %s", name,
                luaL_tolstring(L, -1, NULL));
        limit = lua_tonumber(L, -1);
    }
    lua_pop(L, 1);
    return limit;
}

static int
l_run(lua_State *L)
{
    static const char *const names[] = {"cranks", "ms", NULL};
    struct lkernel *kernel = check_writable(L, 1);
    check_settings(L, 2, (struct settings_rule){"run", "{ cranks = 10, ms = 100 }", names});
    double cranks_max = run_limit(L, "cranks");
    double ms = run_limit(L, "ms");
    double end = monotonic() + ms / 1000;
    lua_Integer cranks = 0;
    while ((cranks_max < 0 || (double)cranks < cranks_max) && (ms < 0 || monotonic() < end) &&
           step(L, kernel))
        cranks++;
    host_commit(kernel->host);
    check_running(L, kernel);
    lua_pushinteger(L, cranks);
    return 1;
}

static int
l_commit(lua_State *L)
{
    struct lkernel *kernel = check_writable(L, 1);
    host_commit(kernel->host);
    check_running(L, kernel);
    return 0;
}

static int
l_collect_garbage(lua_State *L)
{
    static const char *const names[] = {"cycles", NULL};
    struct lkernel *kernel = check_writable(L, 1);
    check_settings(L, 2, (struct settings_rule){"collect_garbage", "{ cycles = true }", names});
    bool cycles = flag_setting(L, 2, "collect_garbage", "cycles");
    struct kernel *k = host_kernel(kernel->host);
    uint64_t before = kernel_collected(k);
    do {
        while (step(L, kernel))
            ;
    } while (
        kernel_reap_all(k) > 0 || (cycles && host_collect_cycles(kernel->host, INT32_MAX) > 0));
    host_commit(kernel->host);
    host_trim(kernel->host);
    check_running(L, kernel);
    lua_pushinteger(L, (lua_Integer)(kernel_collected(host_kernel(kernel->host)) - before));
    return 1;
}

/* Sending */

/* Sends what stands from the target at 2 on; returns the result's promise, held. */
static struct kref
send_message(lua_State *L, struct lkernel *kernel)
{
    struct kref target = check_target(L, 1, 2);
    size_t size;
    if (lua_type(L, 3) != LUA_TSTRING)
        luaL_error(L, "a method's name expected, got %s", luaL_typename(L, 3));
    const char *method = lua_tolstring(L, 3, &size);
    if (size > 256)
        luaL_error(L, "LimitExceeded: a method's name has at most 256 bytes, got %d", (int)size);
    struct blob *arguments = encode_values(L, 1, 4, lua_gettop(L) - 3, "args");
    struct bytes name = {(const uint8_t *)method, size};
    struct kref kref = kernel_send(host_kernel(kernel->host), target, name, arguments);
    blob_drop(arguments);
    return kref;
}

static int
l_send(lua_State *L)
{
    struct lkernel *kernel = check_writable(L, 1);
    push_ref(L, 1, send_message(L, kernel), true);
    return 1;
}

static int
l_call(lua_State *L)
{
    struct lkernel *kernel = check_writable(L, 1);
    struct kref kref = send_message(L, kernel);
    push_ref(L, 1, kref, true);
    int handle = lua_gettop(L);
    struct blob *value;
    enum settled how;
    char text[REF_TEXT_MAX];
    while ((how = kernel_outcome(host_kernel(kernel->host), kref, &value)) == SETTLED_NOT) {
        if (!step(L, kernel))
            return luaL_error(
                L, "%s is unresolved, and there is nothing left to do", kref_print(kref, text));
    }
    host_commit(kernel->host);
    check_running(L, kernel);
    kernel_outcome(host_kernel(kernel->host), kref, &value);
    int count = push_values(L, 1, value);
    /* this promise is nobody's business any more, and need not wait for the collector */
    struct lref *ref = lua_touserdata(L, handle);
    ref->released = true;
    kernel_release(host_kernel(kernel->host), kref);
    return how == SETTLED_REJECTED ? lua_error(L) : count;
}

/* The module's functions */

static int
l_sha256(lua_State *L)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[2 * sizeof hash + 1];
    size_t size;
    const char *data = luaL_checklstring(L, 1, &size);
    crypto_hash_sha256(hash, (const unsigned char *)data, size);
    lua_pushstring(L, sodium_bin2hex(text, sizeof text, hash, sizeof hash));
    return 1;
}

/* error_value(reason): a table as an error value, which vats get as such; others as they are */
static int
l_error_value(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_type(L, 1) == LUA_TTABLE && !marshal_is_error(L, 1))
        marshal_make_error(L);
    return 1;
}

static int
l_clock(lua_State *L)
{
    lua_pushnumber(L, monotonic());
    return 1;
}

static int
l_sqlite_commits(lua_State *L)
{
    double seconds = measure_commits(luaL_checkstring(L, 1), (int)luaL_checkinteger(L, 2));
    if (seconds < 0)
        return luaL_error(L, "%s: cannot measure commits there", lua_tostring(L, 1));
    lua_pushnumber(L, seconds);
    return 1;
}

static const luaL_Reg functions[] = {
    {"open", l_open},
    {"sha256", l_sha256},
    {"clock", l_clock},
    {"sqlite_commits", l_sqlite_commits},
    {"sleep", l_sleep},
    {"set_server", l_set_server},
    {"set_ticker", l_set_ticker},
    {"error_value", l_error_value},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"step", l_step},
    {"run", l_run},
    {"commit", l_commit},
    {"notice", l_notice},
    {"collect_garbage", l_collect_garbage},
    {"close", l_close},
    {"send", l_send},
    {"call", l_call},
    {NULL, NULL},
};

static const luaL_Reg meta[] = {
    {"__gc", l_gc},
    {"__close", l_close},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_moonvat_core(lua_State *L);

int
luaopen_moonvat_core(lua_State *L)
{
    if (sodium_init() < 0)
        return luaL_error(L, "moonvat: libsodium does not start");
    marshal_open(L);
    lref_open(L);
    luaL_newlib(L, functions);
    luaL_newmetatable(L, KERNEL_TYPE);
    luaL_setfuncs(L, meta, 0);
    luaL_newlib(L, methods);
    add_list_methods(L);
    add_ref_methods(L);
    add_launch_methods(L);
    add_life_methods(L);
    add_service_methods(L);
    add_timer_methods(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__index");
    lua_setfield(L, -3, "methods");
    lua_pop(L, 1);
    lua_pushliteral(L, VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}
