/* The program: a Lua state, the paths to its own modules, and moonvat.program.cli.
 *
 * It finds itself: build/moonvat beside build/lib uses the checkout's lua/ folder, an installed
 * PREFIX/bin/moonvat uses PREFIX/share/lua/5.4 and PREFIX/lib/lua/5.4. Everything that may raise
 * runs under pmain. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#ifndef PREFIX
#define PREFIX "/usr/local"
#endif

struct arguments {
    int count;
    char **values;
};

/* Pushes the folder that the program is in. */
static void
push_own_folder(lua_State *L)
{
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
    if (size <= 0 || (size_t)size == sizeof(path))
        luaL_error(L, "cannot find the program's own folder: /proc/self/exe is not there");
    while (size > 0 && path[size - 1] != '/')
        size--;
    lua_pushlstring(L, path, size > 1 ? (size_t)size - 1 : (size_t)size);
}

static int
is_there(lua_State *L, const char *folder, const char *file)
{
    const char *path = lua_pushfstring(L, "%s/%s", folder, file);
    int there = access(path, R_OK) == 0;
    lua_pop(L, 1);
    return there;
}

/* Puts templates before those of package.path or package.cpath. */
static void
prepend(lua_State *L, const char *field, const char *templates)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, field);
    lua_pushfstring(L, "%s;%s", templates, lua_tostring(L, -1));
    lua_setfield(L, -3, field);
    lua_pop(L, 2);
}

static void
use_folders(lua_State *L, const char *scripts, const char *libraries)
{
    prepend(L, "path", lua_pushfstring(L, "%s/?.lua;%s/?/init.lua", scripts, scripts));
    prepend(L, "cpath", lua_pushfstring(L, "%s/?.so", libraries));
    lua_pop(L, 2);
}

static void
set_paths(lua_State *L)
{
    push_own_folder(L);
    const char *own = lua_tostring(L, -1);
    bool built = is_there(L, own, "lib/moonvat/core.so");
    if (built && is_there(L, own, "../lua/moonvat/init.lua"))
        use_folders(L, lua_pushfstring(L, "%s/../lua", own), lua_pushfstring(L, "%s/lib", own));
    else if (built && is_there(L, own, "../../lua/moonvat/init.lua")) /* build/asan */
        use_folders(L, lua_pushfstring(L, "%s/../../lua", own), lua_pushfstring(L, "%s/lib", own));
    else if (is_there(L, own, "../share/lua/5.4/moonvat/init.lua"))
        use_folders(L, lua_pushfstring(L, "%s/../share/lua/5.4", own),
            lua_pushfstring(L, "%s/../lib/lua/5.4", own));
    else
        use_folders(L, PREFIX "/share/lua/5.4", PREFIX "/lib/lua/5.4");
    lua_settop(L, 1);
}

static void
set_terminal(lua_State *L, const char *name, int descriptor)
{
    lua_pushboolean(L, isatty(descriptor));
    lua_setfield(L, -2, name);
}

/* moonvat.program.cli.main(arguments, terminal), whose result is the exit status. */
static int
pmain(lua_State *L)
{
    const struct arguments *arguments = lua_touserdata(L, 1);
    luaL_openlibs(L);
    set_paths(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "moonvat.program.cli");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "main");
    lua_createtable(L, arguments->count, 0);
    for (int i = 1; i < arguments->count; i++) {
        lua_pushstring(L, arguments->values[i]);
        lua_rawseti(L, -2, i);
    }
    lua_createtable(L, 0, 3);
    set_terminal(L, "stdin", STDIN_FILENO);
    set_terminal(L, "stdout", STDOUT_FILENO);
    set_terminal(L, "stderr", STDERR_FILENO);
    lua_call(L, 2, 1);
    return 1;
}

int
main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    if (L == NULL) {
        fputs("moonvat: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    struct arguments arguments = {argc, argv};
    lua_pushcfunction(L, pmain);
    lua_pushlightuserdata(L, &arguments);
    int status = EXIT_FAILURE;
    if (lua_pcall(L, 1, 1, 0) == LUA_OK)
        status = (int)lua_tointeger(L, -1);
    else
        fprintf(stderr, "moonvat: %s\n",
            lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error that is no text");
    lua_close(L);
    return status;
}
