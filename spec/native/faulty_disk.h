/* The VFS of moonvat.faulty: what SQLite calls, on the files of faulty_files.h. Every method first asks
 * the plan whether it fails. */
#ifndef SPEC_NATIVE_FAULTY_DISK_H
#define SPEC_NATIVE_FAULTY_DISK_H

#include <stdio.h>

#include "faulty_files.h"

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

#endif
