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
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <sqlite3.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/memory.h"

int luaopen_moonvat_faulty(lua_State *L);

enum { SECTOR = 512, FILES_MAX = 16, REGIONS_MAX = 64, SHM_LOCKS = 8 };

enum kind {
    KIND_OPEN,
    KIND_READ,
    KIND_WRITE,
    KIND_SYNC,
    KIND_TRUNCATE,
    KIND_SIZE,
    KIND_DELETE,
    KIND_ACCESS,
    KIND_LOCK,
    KIND_SHM_MAP,
    KIND_SHM_LOCK,
    KIND_COUNT,
};

static const char *const kind_names[KIND_COUNT + 1] = {"open", "read", "write", "sync", "truncate",
    "size", "delete", "access", "lock", "shm_map", "shm_lock", NULL};
static const int kind_codes[KIND_COUNT] = {SQLITE_CANTOPEN, SQLITE_IOERR_READ, SQLITE_IOERR_WRITE,
    SQLITE_IOERR_FSYNC, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_FSTAT, SQLITE_IOERR_DELETE,
    SQLITE_IOERR_ACCESS, SQLITE_IOERR_LOCK, SQLITE_IOERR_SHMMAP, SQLITE_IOERR_SHMLOCK};

enum mode { MODE_ONCE, MODE_ON, MODE_TORN, MODE_CRASH };
static const char *const mode_names[] = {"once", "on", "torn", "crash", NULL};
enum code { CODE_IO, CODE_FULL, CODE_BUSY };
static const char *const code_names[] = {"io", "full", "busy", NULL};

/* A write since the last sync; without data a truncation to offset. */
struct change {
    struct change *next;
    size_t offset, size;
    bool truncates;
    uint8_t data[];
};

struct content {
    uint8_t *data;
    size_t size, capacity;
};

struct handle;

struct file {
    char *name; /* NULL: this slot is free */
    struct content seen, platter;
    struct change *first, **last;
    bool exists;     /* for the process */
    bool on_platter; /* the name is in the folder for sure */
    int shared;      /* handles with a shared lock */
    struct handle *reserved, *pending, *exclusive;
    uint8_t *regions[REGIONS_MAX];
    struct handle *shm; /* those that use its shared memory */
};

struct handle {
    sqlite3_file base;
    struct file *file;
    int level;
    bool own; /* deleted when closed */
    bool has_shm;
    struct handle *next_shm;
    unsigned shm_shared, shm_exclusive;
};

static struct {
    struct file files[FILES_MAX];
    bool kinds[KIND_COUNT];
    int64_t at, count;
    enum mode mode;
    enum code code;
    int hit;
    bool down, careless;
    uint64_t random;
} disk;

static uint64_t
next_random(void)
{
    disk.random += UINT64_C(0x9e3779b97f4a7c15);
    return hash_number(disk.random);
}

/* Plans */

enum verdict { GO, REFUSE, TEAR };

static enum verdict
meet(enum kind kind)
{
    if (disk.down)
        return REFUSE;
    if (!disk.kinds[kind])
        return GO;
    disk.count++;
    if (disk.at == 0 || disk.count < disk.at || (disk.count > disk.at && disk.mode != MODE_ON))
        return GO;
    if (disk.hit < 0)
        disk.hit = (int)kind;
    disk.down = disk.mode == MODE_CRASH;
    return disk.mode == MODE_TORN && kind == KIND_WRITE ? TEAR : REFUSE;
}

static int
code_of(enum kind kind)
{
    if (disk.down || disk.code == CODE_IO)
        return kind_codes[kind];
    if (disk.code == CODE_BUSY && (kind == KIND_LOCK || kind == KIND_SHM_LOCK))
        return SQLITE_BUSY;
    return kind == KIND_WRITE ? SQLITE_FULL : kind_codes[kind];
}

/* Contents */

static void
content_resize(struct content *content, size_t size)
{
    if (size > content->capacity) {
        content->capacity = size + size / 2 + 4096;
        content->data = memory_resize(content->data, content->capacity);
    }
    if (size > content->size)
        memset(content->data + content->size, 0, size - content->size);
    content->size = size;
}

static void
content_write(struct content *content, size_t offset, const void *data, size_t size)
{
    if (offset + size > content->size)
        content_resize(content, offset + size);
    if (size > 0)
        memcpy(content->data + offset, data, size);
}

static void
content_free(struct content *content)
{
    free(content->data);
    *content = (struct content){0};
}

static void
content_apply(struct content *content, const struct change *change)
{
    if (!change->truncates)
        content_write(content, change->offset, change->data, change->size);
    else if (change->offset < content->size)
        content_resize(content, change->offset);
}

/* Some of its sectors only. */
static void
content_tear(struct content *content, const struct change *change)
{
    size_t at = 0;
    while (at < change->size) {
        size_t piece = SECTOR - (change->offset + at) % SECTOR;
        if (piece > change->size - at)
            piece = change->size - at;
        if (next_random() % 2 == 0)
            content_write(content, change->offset + at, change->data + at, piece);
        at += piece;
    }
}

/* Files */

static struct file *
find_file(const char *name)
{
    for (size_t i = 0; name != NULL && i < FILES_MAX; i++) {
        if (disk.files[i].name != NULL && strcmp(disk.files[i].name, name) == 0)
            return &disk.files[i];
    }
    return NULL;
}

static struct file *
new_file(const char *name)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        struct file *file = &disk.files[i];
        if (file->name != NULL)
            continue;
        file->name = memory_text(name);
        file->last = &file->first;
        return file;
    }
    return NULL;
}

static void
note_change(struct file *file, bool truncates, size_t offset, const void *data, size_t size)
{
    struct change *change = memory_zero(sizeof *change + size);
    change->truncates = truncates;
    change->offset = offset;
    change->size = size;
    if (size > 0)
        memcpy(change->data, data, size);
    *file->last = change;
    file->last = &change->next;
}

static void
forget_changes(struct file *file)
{
    while (file->first != NULL) {
        struct change *next = file->first->next;
        free(file->first);
        file->first = next;
    }
    file->last = &file->first;
}

static void
clear_file(struct file *file)
{
    forget_changes(file);
    content_free(&file->seen);
    content_free(&file->platter);
    for (size_t i = 0; i < REGIONS_MAX; i++)
        free(file->regions[i]);
    free(file->name);
    memset(file, 0, sizeof *file);
}

/* What is in the folder is known from now on: the files that were deleted are gone. */
static void
sync_folder(void)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        struct file *file = &disk.files[i];
        if (file->name == NULL || file->exists)
            continue;
        forget_changes(file);
        content_resize(&file->platter, 0);
        file->on_platter = false;
    }
}

static void
sync_file(struct file *file)
{
    for (struct change *change = file->first; change != NULL; change = change->next)
        content_apply(&file->platter, change);
    forget_changes(file);
    if (!file->on_platter) {
        file->on_platter = true;
        sync_folder();
    }
}

static void
delete_file(struct file *file)
{
    file->exists = false;
    content_resize(&file->seen, 0);
    note_change(file, true, 0, NULL, 0);
}

/* Methods of a file */

static int
file_close(sqlite3_file *base)
{
    struct handle *handle = (struct handle *)base;
    if (handle->own && handle->file->name != NULL)
        clear_file(handle->file);
    return SQLITE_OK;
}

static int
file_read(sqlite3_file *base, void *to, int amount, sqlite3_int64 offset)
{
    const struct content *seen = &((struct handle *)base)->file->seen;
    if (meet(KIND_READ) != GO)
        return code_of(KIND_READ);
    size_t at = (size_t)offset, size = (size_t)amount;
    size_t there = at >= seen->size ? 0 : seen->size - at < size ? seen->size - at : size;
    if (there > 0)
        memcpy(to, seen->data + at, there);
    memset((uint8_t *)to + there, 0, size - there);
    return there == size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int
file_write(sqlite3_file *base, const void *from, int amount, sqlite3_int64 offset)
{
    struct file *file = ((struct handle *)base)->file;
    size_t at = (size_t)offset, size = (size_t)amount;
    bool was_down = disk.down;
    enum verdict verdict = meet(KIND_WRITE);
    if (verdict == TEAR)
        size /= 2;
    if (verdict == REFUSE && !disk.down)
        return code_of(KIND_WRITE);
    if (!was_down) { /* the one that a crash meets may have got through */
        note_change(file, false, at, from, size);
        content_write(&file->seen, at, from, size);
    }
    return verdict == GO ? SQLITE_OK : code_of(KIND_WRITE);
}

static int
file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct file *file = ((struct handle *)base)->file;
    if (meet(KIND_TRUNCATE) != GO)
        return code_of(KIND_TRUNCATE);
    note_change(file, true, (size_t)size, NULL, 0);
    if ((size_t)size < file->seen.size)
        content_resize(&file->seen, (size_t)size);
    return SQLITE_OK;
}

static int
file_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    if (meet(KIND_SYNC) != GO)
        return code_of(KIND_SYNC);
    if (!disk.careless)
        sync_file(((struct handle *)base)->file);
    return SQLITE_OK;
}

static int
file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    if (meet(KIND_SIZE) != GO)
        return code_of(KIND_SIZE);
    *size = (sqlite3_int64)((struct handle *)base)->file->seen.size;
    return SQLITE_OK;
}

/* Whether anybody else's lock forbids this one. */
static bool
lock_is_taken(const struct handle *handle, int level)
{
    const struct file *file = handle->file;
    bool exclusive = file->exclusive != NULL && file->exclusive != handle;
    bool pending = file->pending != NULL && file->pending != handle;
    if (level == SQLITE_LOCK_SHARED)
        return exclusive || pending;
    if (level == SQLITE_LOCK_RESERVED)
        return exclusive || (file->reserved != NULL && file->reserved != handle);
    return exclusive || pending;
}

static int
file_lock(sqlite3_file *base, int level)
{
    struct handle *handle = (struct handle *)base;
    struct file *file = handle->file;
    if (handle->level >= level)
        return SQLITE_OK;
    if (meet(KIND_LOCK) != GO)
        return code_of(KIND_LOCK);
    if (lock_is_taken(handle, level))
        return SQLITE_BUSY;
    if (handle->level == SQLITE_LOCK_NONE)
        file->shared++;
    if (level == SQLITE_LOCK_RESERVED)
        file->reserved = handle;
    if (level == SQLITE_LOCK_EXCLUSIVE) {
        file->pending = handle;
        handle->level = SQLITE_LOCK_PENDING;
        if (file->shared > 1)
            return SQLITE_BUSY;
        file->exclusive = handle;
    }
    handle->level = level;
    return SQLITE_OK;
}

static int
file_unlock(sqlite3_file *base, int level)
{
    struct handle *handle = (struct handle *)base;
    struct file *file = handle->file;
    if (handle->level <= level)
        return SQLITE_OK;
    struct handle **locks[] = {&file->reserved, &file->pending, &file->exclusive};
    for (size_t i = 0; i < 3; i++) {
        if (*locks[i] == handle)
            *locks[i] = NULL;
    }
    if (level == SQLITE_LOCK_NONE)
        file->shared--;
    handle->level = level;
    return SQLITE_OK;
}

static int
file_check_reserved(sqlite3_file *base, int *held)
{
    struct file *file = ((struct handle *)base)->file;
    *held = file->reserved != NULL || file->exclusive != NULL;
    return SQLITE_OK;
}

static int
file_control(sqlite3_file *base, int operation, void *argument)
{
    (void)base;
    (void)operation;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int
file_sector_size(sqlite3_file *base)
{
    (void)base;
    return SECTOR;
}

static int
file_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* Shared memory: what a log in WAL mode is found by. It lives as long as somebody uses it. */

static int
file_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **memory)
{
    struct handle *handle = (struct handle *)base;
    struct file *file = handle->file;
    *memory = NULL;
    if (meet(KIND_SHM_MAP) != GO || region >= REGIONS_MAX)
        return code_of(KIND_SHM_MAP);
    if (!handle->has_shm) {
        handle->has_shm = true;
        handle->next_shm = file->shm;
        file->shm = handle;
    }
    if (file->regions[region] == NULL && extend)
        file->regions[region] = memory_zero((size_t)size);
    *memory = file->regions[region];
    return SQLITE_OK;
}

static int
file_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    struct handle *handle = (struct handle *)base;
    unsigned mask = ((1u << count) - 1) << offset;
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        handle->shm_shared &= ~mask;
        handle->shm_exclusive &= ~mask;
        return SQLITE_OK;
    }
    if (meet(KIND_SHM_LOCK) != GO)
        return code_of(KIND_SHM_LOCK);
    bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    for (struct handle *other = handle->file->shm; other != NULL; other = other->next_shm) {
        unsigned held = other->shm_exclusive | (exclusive ? other->shm_shared : 0);
        if (other != handle && (held & mask) != 0)
            return SQLITE_BUSY;
    }
    if (exclusive)
        handle->shm_exclusive |= mask;
    else
        handle->shm_shared |= mask;
    return SQLITE_OK;
}

static void
file_shm_barrier(sqlite3_file *base)
{
    (void)base;
}

static int
file_shm_unmap(sqlite3_file *base, int delete_it)
{
    struct handle *handle = (struct handle *)base;
    struct file *file = handle->file;
    (void)delete_it;
    if (!handle->has_shm)
        return SQLITE_OK;
    struct handle **link = &file->shm;
    while (*link != handle)
        link = &(*link)->next_shm;
    *link = handle->next_shm;
    handle->has_shm = false;
    handle->shm_shared = handle->shm_exclusive = 0;
    for (size_t i = 0; file->shm == NULL && i < REGIONS_MAX; i++) {
        free(file->regions[i]);
        file->regions[i] = NULL;
    }
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* Methods of the disk */

static int
disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out_flags)
{
    static int unnamed;
    char own[32];
    (void)vfs;
    struct handle *handle = (struct handle *)base;
    memset(handle, 0, sizeof *handle);
    if (meet(KIND_OPEN) != GO)
        return code_of(KIND_OPEN);
    handle->own = name == NULL;
    if (name == NULL) {
        snprintf(own, sizeof own, "own-%d", ++unnamed);
        name = own;
    }
    struct file *file = find_file(name);
    if ((file == NULL || !file->exists) && (flags & SQLITE_OPEN_CREATE) == 0)
        return SQLITE_CANTOPEN;
    if (file == NULL)
        file = new_file(name);
    if (file == NULL)
        return SQLITE_CANTOPEN;
    file->exists = true;
    handle->file = file;
    handle->base.pMethods = &methods;
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int
disk_delete(sqlite3_vfs *vfs, const char *name, int syncs)
{
    (void)vfs;
    if (meet(KIND_DELETE) != GO)
        return code_of(KIND_DELETE);
    struct file *file = find_file(name);
    if (file == NULL || !file->exists)
        return SQLITE_IOERR_DELETE_NOENT;
    delete_file(file);
    if (syncs && !disk.careless)
        sync_folder();
    return SQLITE_OK;
}

static int
disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    (void)vfs;
    (void)flags;
    if (meet(KIND_ACCESS) != GO)
        return code_of(KIND_ACCESS);
    struct file *file = find_file(name);
    *result =
        file != NULL && file->exists && (flags != SQLITE_ACCESS_EXISTS || file->seen.size > 0);
    return SQLITE_OK;
}

static int
disk_full_path(sqlite3_vfs *vfs, const char *name, int size, char *path)
{
    (void)vfs;
    return snprintf(path, (size_t)size, "%s", name) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int
disk_randomness(sqlite3_vfs *vfs, int size, char *bytes)
{
    (void)vfs;
    for (int i = 0; i < size; i++)
        bytes[i] = (char)next_random();
    return size;
}

static int
disk_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return microseconds;
}

static int
disk_last_error(sqlite3_vfs *vfs, int size, char *text)
{
    (void)vfs;
    (void)size;
    (void)text;
    return 0;
}

static int
disk_time(sqlite3_vfs *vfs, double *days)
{
    (void)vfs;
    *days = 2460000.5;
    return SQLITE_OK;
}

static sqlite3_vfs faulty_vfs = {
    .iVersion = 1,
    .szOsFile = sizeof(struct handle),
    .mxPathname = 512,
    .zName = "faulty",
    .xOpen = disk_open,
    .xDelete = disk_delete,
    .xAccess = disk_access,
    .xFullPathname = disk_full_path,
    .xRandomness = disk_randomness,
    .xSleep = disk_sleep,
    .xCurrentTime = disk_time,
    .xGetLastError = disk_last_error,
};

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
