/* What lua/moonvat/timer.lua needs of the kernel: settings, the time, and to be called when
 * timers may be due. */
#include "module/lmodule.h"

#include "kernel/face/settings.h"
#include "kernel/face/vats.h"

#include <stdlib.h>
#include <time.h>

static const char ticker; /* its address: where the registry keeps the function */

/* Firing */

/* core.set_ticker(function(k): fired): who fires the timers that are due */
static int
l_set_ticker(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ticker);
    return 0;
}

bool
ltimer_fire(lua_State *L, struct lkernel *kernel)
{
    int top = lua_gettop(L);
    kernel->steps = 0;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ticker);
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK)
        lerror_again(L);
    bool fired = lua_toboolean(L, -1);
    lua_settop(L, top);
    return fired;
}

/* set_timers(whether there are any): without, no step looks for some */
static int
l_set_timers(lua_State *L)
{
    lkernel_check_writable(L, 1)->timers = lua_toboolean(L, 2);
    return 0;
}

/* target_state(kref): "gone" when nothing can be delivered there ever, "waits" while its vat is
   suspended or has failed, or "runs" */
static int
l_target_state(lua_State *L)
{
    static const char *const names[] = {
        [REACH_GONE] = "gone", [REACH_WAITS] = "waits", [REACH_RUNS] = "runs"};
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct kref kref = kref_parse(bytes_of(luaL_checkstring(L, 2)));
    lua_pushstring(L, names[kernel_reach(host_kernel(kernel->host), kref)]);
    return 1;
}

/* Time */

/* now(): the time that vats see */
static int
l_now(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    lua_pushnumber(L, host_now(kernel->host));
    return 1;
}

/* sleep(seconds): for a second at most, and less when a signal comes */
static int
l_sleep(lua_State *L)
{
    double seconds = luaL_checknumber(L, 1);
    if (!(seconds > 0))
        return 0;
    if (seconds > 1)
        seconds = 1;
    time_t whole = (time_t)seconds;
    struct timespec time = {whole, (long)((seconds - (double)whole) * 1e9)};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
    return 0;
}

/* Settings */

static int
l_setting(lua_State *L)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    char *value = kernel_setting(host_kernel(kernel->host), luaL_checkstring(L, 2));
    lua_pushstring(L, value);
    free(value);
    lkernel_check_store(L, kernel);
    return 1;
}

static int
l_set_setting(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    kernel_set_setting(
        host_kernel(kernel->host), luaL_checkstring(L, 2), luaL_optstring(L, 3, NULL));
    return 0;
}

static void
push_setting(void *context, struct bytes name, struct bytes value)
{
    static const struct lfield fields[] = {
        {"name", LFIELD_BYTES, 0},
        {"value", LFIELD_BYTES, sizeof(struct bytes)},
        {NULL, LFIELD_TEXT, 0},
    };
    lua_State *L = context;
    const struct bytes pair[] = {name, value};
    lfields_push(L, pair, fields);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* settings(prefix): a list of { name, value } */
static int
l_settings(lua_State *L)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    const char *prefix = luaL_checkstring(L, 2);
    lua_newtable(L);
    kernel_settings(host_kernel(kernel->host), prefix, push_setting, L);
    lkernel_check_store(L, kernel);
    return 1;
}

const luaL_Reg ltimer_methods[] = {
    {"set_timers", l_set_timers},
    {"target_state", l_target_state},
    {"now", l_now},
    {"setting", l_setting},
    {"set_setting", l_set_setting},
    {"settings", l_settings},
    {NULL, NULL},
};

const luaL_Reg ltimer_functions[] = {
    {"set_ticker", l_set_ticker},
    {"sleep", l_sleep},
    {NULL, NULL},
};
