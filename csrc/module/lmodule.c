/* The Lua module moonvat.core: its functions, and the kernel's methods put together. */
#include "module/lmodule.h"
#include "kernel/face/block.h"
#include "value/errorvalue.h"
#include "value/marshal.h"

#include <sodium.h>
#include <time.h>

#define VERSION "0.1.0"

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
    if (lua_type(L, 1) == LUA_TTABLE && !errorvalue_is(L, 1))
        errorvalue_make(L);
    return 1;
}

static int
l_clock(lua_State *L)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    lua_pushnumber(L, (double)now.tv_sec + (double)now.tv_nsec / 1e9);
    return 1;
}

static int
l_sqlite_commits(lua_State *L)
{
    double seconds = kernel_measure_commits(luaL_checkstring(L, 1), (int)luaL_checkinteger(L, 2));
    if (seconds < 0)
        return luaL_error(L, "%s: cannot measure commits there", lua_tostring(L, 1));
    lua_pushnumber(L, seconds);
    return 1;
}

static const luaL_Reg functions[] = {
    {"sha256", l_sha256},
    {"clock", l_clock},
    {"sqlite_commits", l_sqlite_commits},
    {"error_value", l_error_value},
    {NULL, NULL},
};

/* The methods of a kernel, as a table on top of the stack. */
static void
push_methods(lua_State *L)
{
    lua_newtable(L);
    lkernel_methods(L);
    lrun_methods(L);
    llist_methods(L);
    lref_methods(L);
    llaunch_methods(L);
    llife_methods(L);
    lservice_methods(L);
    ltimer_methods(L);
}

__attribute__((visibility("default"))) int luaopen_moonvat_core(lua_State *L);

int
luaopen_moonvat_core(lua_State *L)
{
    if (sodium_init() < 0)
        return luaL_error(L, "moonvat: libsodium does not start");
    errorvalue_open(L);
    lref_open(L);
    luaL_newlib(L, functions);
    lkernel_functions(L);
    lservice_functions(L);
    ltimer_functions(L);
    push_methods(L);
    lkernel_open(L);
    lua_setfield(L, -2, "methods");
    lua_pushliteral(L, VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}
