/* Running a kernel, and sending to it. */
#include "module/lmodule.h"

#include "base/clock.h"
#include "host/cycles.h"
#include "host/trim.h"
#include "kernel/face/block.h"

#include <assert.h>

enum { STEPS_BETWEEN_TIMERS = 64 }; /* while there is other work; without, each step looks */

/* Running */

static bool
step(lua_State *L, struct lkernel *kernel)
{
    lkernel_read_clock(L, 1, kernel);
    if (kernel->timers && ++kernel->steps >= STEPS_BETWEEN_TIMERS && ltimer_fire(L, kernel))
        return true;
    if (lservice_serve(L, kernel))
        return true;
    enum host_step how = host_step(kernel->host);
    lkernel_tell_log(L, 1);
    if (how == HOST_STOPPED)
        lkernel_check_running(L, kernel);
    if (how == HOST_IDLE && kernel->timers)
        return ltimer_fire(L, kernel);
    return how == HOST_DONE;
}

static int
l_step(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
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
            lerror_raise(L, LERROR_MISUSE, "run: %s must be a number of at least 0, got %s", name,
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
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    lsettings_check(L, 2, (struct lsettings_rule){"run", "{ cranks = 10, ms = 100 }", names});
    double cranks_max = run_limit(L, "cranks");
    double ms = run_limit(L, "ms");
    double end = clock_since_start() + ms / 1000;
    lua_Integer cranks = 0;
    while ((cranks_max < 0 || (double)cranks < cranks_max) &&
           (ms < 0 || clock_since_start() < end) && step(L, kernel))
        cranks++;
    host_commit(kernel->host);
    lkernel_check_running(L, kernel);
    lua_pushinteger(L, cranks);
    return 1;
}

static int
l_commit(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    host_commit(kernel->host);
    lkernel_check_running(L, kernel);
    return 0;
}

static int
l_collect_garbage(lua_State *L)
{
    static const char *const names[] = {"cycles", NULL};
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    lsettings_check(L, 2, (struct lsettings_rule){"collect_garbage", "{ cycles = true }", names});
    bool cycles = lsettings_flag(L, 2, "collect_garbage", "cycles");
    struct kernel *k = host_kernel(kernel->host);
    uint64_t before = kernel_collected(k);
    do {
        while (step(L, kernel))
            ;
    } while (
        kernel_reap_all(k) > 0 || (cycles && host_collect_cycles(kernel->host, INT32_MAX) > 0));
    host_commit(kernel->host);
    host_trim(kernel->host);
    lkernel_check_running(L, kernel);
    lua_pushinteger(L, (lua_Integer)(kernel_collected(host_kernel(kernel->host)) - before));
    return 1;
}

/* Sending */

/* Sends what stands from the target at 2 on; returns the result's promise, held. */
static struct kref
send_message(lua_State *L, struct lkernel *kernel)
{
    struct kref target = lname_target(L, 1, 2);
    size_t size;
    if (lua_type(L, 3) != LUA_TSTRING)
        lerror_raise(L, LERROR_MISUSE, "a method's name expected, got %s", luaL_typename(L, 3));
    const char *method = lua_tolstring(L, 3, &size);
    if (size > 256)
        lerror_raise(L, LERROR_MISUSE,
            "LimitExceeded: a method's name has at most 256 bytes, got %d", (int)size);
    struct blob *arguments = lvalue_encode(L, 1, lua_gettop(L) - 3, "args");
    assert(lua_gettop(L) == 3);
    struct bytes name = {(const uint8_t *)method, size};
    struct kref kref = kernel_send(host_kernel(kernel->host), target, name, arguments);
    blob_drop(arguments);
    return kref;
}

static int
l_send(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    lref_push(L, 1, send_message(L, kernel), true);
    return 1;
}

/* Runs until the promise is settled and what settled it is committed; SETTLED_NOT when nothing is
   left to do before. */
static enum settled
settle(lua_State *L, struct lkernel *kernel, struct kref kref, struct blob **value)
{
    assert(kref_is_promise(kref));
    while (kernel_outcome(host_kernel(kernel->host), kref, value) == SETTLED_NOT) {
        if (!step(L, kernel))
            return SETTLED_NOT;
    }
    host_commit(kernel->host);
    lkernel_check_running(L, kernel);
    assert(!kernel_is_dirty(host_kernel(kernel->host)));
    return kernel_outcome(host_kernel(kernel->host), kref, value);
}

static int
l_call(lua_State *L)
{
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct kref kref = send_message(L, kernel);
    lref_push(L, 1, kref, true);
    int handle = lua_gettop(L);
    struct blob *value;
    char text[REF_TEXT_MAX];
    enum settled how = settle(L, kernel, kref, &value);
    if (how == SETTLED_NOT)
        return lerror_raise(L, LERROR_STATE, "%s is unresolved, and there is nothing left to do",
            kref_print(kref, text));
    int count = lvalue_push(L, 1, value);
    /* this promise is nobody's business any more, and need not wait for the collector */
    struct lref *ref = lua_touserdata(L, handle);
    assert(!ref->released && kref_equal(ref->kref, kref));
    ref->released = true;
    kernel_release(host_kernel(kernel->host), kref);
    return how == SETTLED_REJECTED ? lua_error(L) : count;
}

/* settle(promise): runs until it is settled; "fulfilled" and its values, "rejected" and the reason,
   or "unresolved" when nothing is left to do */
static int
l_settle(lua_State *L)
{
    static const char *const names[] = {"unresolved", "fulfilled", "rejected"};
    struct lkernel *kernel = lkernel_check_writable(L, 1);
    struct kref kref = lname_promise(L, 1, 2);
    struct blob *value;
    enum settled how = settle(L, kernel, kref, &value);
    lua_pushstring(L, names[how]);
    return how == SETTLED_NOT ? 1 : 1 + lvalue_push(L, 1, value);
}

const luaL_Reg lrun_methods[] = {
    {"step", l_step},
    {"run", l_run},
    {"commit", l_commit},
    {"collect_garbage", l_collect_garbage},
    {"send", l_send},
    {"call", l_call},
    {"settle", l_settle},
    {NULL, NULL},
};
