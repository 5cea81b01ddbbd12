/* The Lua module moonvat.core: its functions, and the kernel's methods put together. */
#include "module/lmodule.h"

#include "base/clock.h"
#include "kernel/face/block.h"
#include "value/errorvalue.h"
#include "value/marshal.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <sys/stat.h>

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
    lua_pushnumber(L, clock_since_start());
    return 1;
}

/* exists(path): without opening it, which waits where it is a pipe. What this user may not look at
   is there all the same. */
static int
l_exists(lua_State *L)
{
    struct stat status;
    bool missing =
        stat(luaL_checkstring(L, 1), &status) != 0 && (errno == ENOENT || errno == ENOTDIR);
    lua_pushboolean(L, !missing);
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

/* Gives kernels, references and handles methods with the face on top of the stack, and pops it;
   pushes the kernel's, as a table. */
static void
push_methods(lua_State *L)
{
    static const luaL_Reg *const methods[] = {lkernel_methods, lrun_methods, llist_methods,
        lref_methods, llaunch_methods, llife_methods, lservice_methods, ltimer_methods};
    int face = lua_gettop(L);
    lua_newtable(L);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        lua_pushvalue(L, face);
        luaL_setfuncs(L, methods[i], 1);
    }
    lua_pushvalue(L, face);
    llist_open(L);
    lua_pushvalue(L, face);
    lref_open(L);
    lua_pushvalue(L, face);
    lkernel_open(L);
    lua_remove(L, face);
    assert(lua_gettop(L) == face && lua_istable(L, -1));
}

/* set_face(function(error, place): what to raise): from now on the kernel's methods, which are
   returned, and those of references and handles raise that */
static int
l_set_face(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    push_methods(L);
    return 1;
}

static const luaL_Reg functions[] = {
    {"sha256", l_sha256},
    {"clock", l_clock},
    {"exists", l_exists},
    {"sqlite_commits", l_sqlite_commits},
    {"error_value", l_error_value},
    {"set_face", l_set_face},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_moonvat_core(lua_State *L);

int
luaopen_moonvat_core(lua_State *L)
{
    if (sodium_init() < 0)
        return luaL_error(L, "moonvat: libsodium does not start");
    errorvalue_open(L);
    lerror_open(L);
    luaL_newlib(L, functions);
    luaL_setfuncs(L, lkernel_functions, 0);
    luaL_setfuncs(L, lservice_functions, 0);
    luaL_setfuncs(L, ltimer_functions, 0);
    lua_pushnil(L);
    push_methods(L);
    lua_setfield(L, -2, "methods");
    loptions_push(L);
    lua_setfield(L, -2, "vat_options");
    lua_pushliteral(L, VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}
