#include "store/lock.h"

#include "base/hash.h"
#include "base/memory.h"
#include "store/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* that are followed, as Linux does */

/* The path in the folder of another one; the whole path when it has a folder of its own from the
   root. The caller frees. */
static char *
path_beside(const char *other, const char *path)
{
    const char *slash = path[0] == '/' ? NULL : strrchr(other, '/');
    struct buf text = {0};
    buf_append(&text, other, slash == NULL ? 0 : (size_t)(slash + 1 - other));
    buf_text(&text, path);
    char *whole = memory_text(buf_string(&text));
    buf_free(&text);
    return whole;
}

/* Where a link leads that leads to nothing yet, step by step; itself when it is none. */
static char *
follow_links(const char *database)
{
    char *path = memory_text(database);
    for (int i = 0; i < LINKS_MAX; i++) {
        char target[PATH_MAX + 1];
        ssize_t size = readlink(path, target, PATH_MAX);
        if (size < 0)
            break;
        target[size] = 0;
        char *next = path_beside(path, target);
        free(path);
        path = next;
    }
    return path;
}

char *
lock_real_path(const char *database)
{
    char *real = realpath(database, NULL);
    if (real != NULL)
        return real;
    char *path = follow_links(database);
    const char *slash = strrchr(path, '/');
    char *folder_path = path_beside(path, ".");
    char *folder = realpath(folder_path, NULL);
    if (folder != NULL) {
        struct buf text = {0};
        buf_format(&text, "%s/%s", folder, slash == NULL ? path : slash + 1);
        real = memory_text(buf_string(&text));
        buf_free(&text);
    }
    free(folder_path);
    free(folder);
    if (real == NULL)
        return path;
    free(path);
    return real;
}

static char *
beside(const char *database, const char *ending)
{
    struct buf name = {0};
    buf_format(&name, "%s%s", database, ending);
    char *path = memory_text(buf_string(&name));
    buf_free(&name);
    return path;
}

/* The number and its hash, so that what a crash of the machine leaves is not taken for one. */
static uint64_t
read_progress(int file)
{
    uint64_t note[2];
    bool whole = pread(file, note, sizeof note, 0) == sizeof note;
    return whole && note[1] == hash_number(note[0]) ? note[0] : 0;
}

bool
lock_peek(struct lock *lock, const char *database, struct buf *why)
{
    char *real = lock_real_path(database);
    char *path = beside(real, "-lock");
    bool refused;
    lock->file = file_take(database, real, FILE_READ, &refused, why);
    int note = lock->file == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (note >= 0) {
        lock->progress = read_progress(note);
        close(note);
    }
    free(path);
    free(real);
    return lock->file != NULL;
}

/* Under the lock, since the holder before removes its note under it. */
static bool
open_note(struct lock *lock, const char *database, struct buf *why)
{
    lock->note = open(lock->path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (lock->note < 0) {
        buf_format(why, "%s: cannot make %s-lock beside it: %s; %s", database, database,
            strerror(errno), file_advice(errno));
        return false;
    }
    lock->progress = read_progress(lock->note);
    return true;
}

static void
forget(struct lock *lock)
{
    free(lock->database);
    free(lock->path);
    free(lock->log);
    *lock = (struct lock){0};
}

bool
lock_take(struct lock *lock, const char *database, struct buf *why)
{
    char *real = lock_real_path(database);
    *lock =
        (struct lock){.path = beside(real, "-lock"), .database = real, .log = beside(real, "-wal")};
    bool refused = false;
    lock->file = file_take(database, real, FILE_WRITE, &refused, why);
    if (lock->file != NULL && open_note(lock, database, why))
        return true;
    file_drop(lock->file, FILE_WRITE, true);
    forget(lock);
    lock->refused = refused;
    return false;
}

void
lock_watch(struct lock *lock)
{
    struct stat now;
    if (lock->path == NULL || stat(lock->database, &now) != 0 || access(lock->log, F_OK) != 0)
        return;
    lock->inode = now.st_ino;
    lock->device = now.st_dev;
}

bool
lock_has_moved(const struct lock *lock)
{
    struct stat now;
    if (lock->inode == 0)
        return false;
    return stat(lock->database, &now) != 0 || now.st_ino != lock->inode ||
           now.st_dev != lock->device || access(lock->log, F_OK) != 0;
}

void
lock_acknowledge(struct lock *lock, uint64_t progress)
{
    if (lock->path == NULL || lock->progress == progress)
        return;
    assert(lock->file != NULL && lock->note >= 0 && lock->database != NULL && lock->log != NULL);
    lock->progress = progress;
    uint64_t note[2] = {progress, hash_number(progress)};
    ssize_t size = pwrite(lock->note, note, sizeof note, 0);
    (void)size; /* then the next process knows less, and loses nothing */
}

void
lock_drop(struct lock *lock, bool failed, bool unused)
{
    if (lock->path == NULL) {
        file_drop(lock->file, FILE_READ, false);
        *lock = (struct lock){0};
        return;
    }
    /* a log that is left is one that a reader needs, or that could not be written back */
    if (lock->progress == 0 || (!failed && access(lock->log, F_OK) != 0))
        unlink(lock->path);
    close(lock->note);
    file_drop(lock->file, FILE_WRITE, unused);
    forget(lock);
}
