/* The module moonvat.faulty: a disk in memory, as SQLite's default VFS, that fails when told to.
 *
 * Each file is kept as a process sees it, and as it is on the platter: what was written since the
 * last sync may or may not be there after the power went. Times do not pass on this disk, so that
 * waiting for a lock costs nothing.
 *
 *   faulty.install() faulty.remove()   become, or cease to be, the default VFS of this process
 *   faulty.reset()                     no files, nothing planned, all counts 0
 *   faulty.plan { at = n, mode = "once", code = "io", kinds = { write = true } }
 *       the nth operation of these kinds fails. mode: "once"; "on": all from it on; "torn": a write
 *       of which half is done; "crash": everything stops. code: "io", "full" or "busy"
 *   faulty.count()                     how many operations of the planned kinds there were
 *   faulty.hit()                       the kind of the one that failed first; nil
 *   faulty.save(seed)                  writes the files out to the real disk, under their names, as
 *       the process saw them; with a seed as they are after the power went: 0 all that was not
 *       synced is lost, 1 none of it, other seeds some of it, and some of that torn
 *   faulty.careless(true)              a sync does nothing: what no database survives
 *   faulty.query(path, sql)            the first column of the first row, by SQLite alone
 */
#include <stdio.h>

#include <lauxlib.h>
#include <lua.h>

#include "faulty_disk.h"

int luaopen_moonvat_faulty(lua_State *L);

/* The module */

static int
l_install(lua_State *L)
{
    if (sqlite3_vfs_register(&faulty_vfs, 1) != SQLITE_OK)
        return luaL_error(L, "SQLite does not take the disk");
    return 0;
}

static int
l_remove(lua_State *L)
{
    (void)L;
    sqlite3_vfs_unregister(&faulty_vfs);
    return 0;
}

static int
l_reset(lua_State *L)
{
    (void)L;
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (disk.files[i].name != NULL)
            clear_file(&disk.files[i]);
    }
    memset(&disk, 0, sizeof disk);
    disk.hit = -1;
    return 0;
}

static int
l_plan(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "at");
    lua_getfield(L, 1, "mode");
    lua_getfield(L, 1, "code");
    disk.at = luaL_optinteger(L, 2, 0);
    disk.mode = (enum mode)luaL_checkoption(L, 3, "once", mode_names);
    disk.code = (enum code)luaL_checkoption(L, 4, "io", code_names);
    lua_getfield(L, 1, "kinds");
    luaL_checktype(L, 5, LUA_TTABLE);
    for (int i = 0; i < KIND_COUNT; i++) {
        lua_getfield(L, 5, kind_names[i]);
        disk.kinds[i] = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    disk.count = 0;
    disk.hit = -1;
    disk.down = false;
    return 0;
}

static int
l_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)disk.count);
    return 1;
}

static int
l_hit(lua_State *L)
{
    if (disk.hit < 0)
        lua_pushnil(L);
    else
        lua_pushstring(L, kind_names[disk.hit]);
    return 1;
}

static int
l_careless(lua_State *L)
{
    disk.careless = lua_toboolean(L, 1);
    return 0;
}

/* What the platter holds once the power went. */
static bool
survive(struct file *file, uint64_t seed, struct content *content)
{
    content_write(content, 0, file->platter.data == NULL ? (uint8_t *)"" : file->platter.data,
        file->platter.size);
    for (struct change *change = file->first; change != NULL && seed > 0; change = change->next) {
        uint64_t luck = seed == 1 ? 0 : next_random() % 3;
        if (luck == 0)
            content_apply(content, change);
        else if (luck == 1 && !change->truncates)
            content_tear(content, change);
    }
    bool deleted = !file->exists && seed > 0 && (seed == 1 || next_random() % 2 == 0);
    return !deleted && (file->on_platter || (file->exists && seed > 0));
}

static void
write_out(lua_State *L, const char *name, const struct content *content)
{
    FILE *out = fopen(name, "wb");
    size_t size = content->size;
    bool written = out != NULL && (size == 0 || fwrite(content->data, 1, size, out) == size);
    if (out == NULL || fclose(out) != 0 || !written)
        luaL_error(L, "%s: cannot write it", name);
}

static int
l_save(lua_State *L)
{
    bool loses = lua_isinteger(L, 1);
    uint64_t seed = (uint64_t)lua_tointeger(L, 1);
    disk.random = seed;
    for (size_t i = 0; i < FILES_MAX; i++) {
        struct file *file = &disk.files[i];
        struct content content = {0};
        if (file->name == NULL)
            continue;
        remove(file->name);
        if (!loses && file->exists)
            write_out(L, file->name, &file->seen);
        else if (loses && survive(file, seed, &content))
            write_out(L, file->name, &content);
        content_free(&content);
    }
    return 0;
}

static int
l_query(lua_State *L)
{
    sqlite3 *connection = NULL;
    sqlite3_stmt *statement = NULL;
    const char *path = luaL_checkstring(L, 1), *sql = luaL_checkstring(L, 2);
    int result = sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_prepare_v2(connection, sql, -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        lua_pushstring(L, (const char *)sqlite3_column_text(statement, 0));
    else
        lua_pushstring(L, sqlite3_errmsg(connection));
    sqlite3_finalize(statement);
    sqlite3_close(connection);
    return 1;
}

static const luaL_Reg functions[] = {
    {"install", l_install},
    {"remove", l_remove},
    {"reset", l_reset},
    {"plan", l_plan},
    {"count", l_count},
    {"hit", l_hit},
    {"careless", l_careless},
    {"save", l_save},
    {"query", l_query},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int
luaopen_moonvat_faulty(lua_State *L)
{
    disk.hit = -1;
    luaL_newlib(L, functions);
    return 1;
}
