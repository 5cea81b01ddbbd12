/* The files of moonvat.faulty: each as processes see it and as it is on the platter, with the changes
 * between the two; and the plan, which says what operation fails. */
#ifndef SPEC_NATIVE_FAULTY_FILES_H
#define SPEC_NATIVE_FAULTY_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/memory.h"

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

#endif
