#include "store/lock.h"

#include "base/hash.h"
#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
advice(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return "make its folder first";
    case EACCES:
    case EPERM:
    case EROFS:
        return "let this user write to its folder, or copy it to another one";
    case ENOSPC:
    case EDQUOT:
        return "make room on the disk";
    default:
        return "keep it on a disk of this machine";
    }
}

static void
explain(struct buf *why, const char *database, int error)
{
    if (error == EWOULDBLOCK)
        buf_format(why, "%s is in use by another process", database);
    else
        buf_format(why, "%s: cannot make %s-lock beside it: %s; %s", database, database,
            strerror(error), advice(error));
}

char *
lock_real_path(const char *database)
{
    char *real = realpath(database, NULL);
    if (real != NULL)
        return real;
    const char *slash = strrchr(database, '/');
    struct buf path = {0};
    buf_append(&path, database, slash == NULL ? 0 : (size_t)(slash + 1 - database));
    char *folder = realpath(slash == NULL ? "." : buf_string(&path), NULL);
    buf_clear(&path);
    if (folder != NULL)
        buf_format(&path, "%s/%s", folder, slash == NULL ? database : slash + 1);
    real = memory_text(folder != NULL ? buf_string(&path) : database);
    free(folder);
    buf_free(&path);
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

void
lock_peek(struct lock *lock, const char *database)
{
    char *real = lock_real_path(database);
    char *path = beside(real, "-lock");
    int file = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    free(real);
    if (file < 0)
        return;
    lock->progress = read_progress(file);
    close(file);
}

/* Taken, then checked to be still the one that the name leads to, since the holder before removes
   it. */
bool
lock_take(struct lock *lock, const char *database, struct buf *why)
{
    char *real = lock_real_path(database);
    char *path = beside(real, "-lock");
    for (;;) {
        int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
        struct stat held;
        struct stat named;
        if (file < 0 || flock(file, LOCK_EX | LOCK_NB) != 0) {
            lock->refused = file >= 0 && errno == EWOULDBLOCK;
            explain(why, database, errno);
            if (file >= 0)
                close(file);
            break;
        }
        if (fstat(file, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
            held.st_dev == named.st_dev) {
            lock->database = real;
            lock->path = path;
            lock->log = beside(real, "-wal");
            lock->file = file;
            lock->progress = read_progress(file);
            return true;
        }
        close(file);
    }
    free(path);
    free(real);
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
    assert(lock->file >= 0 && lock->database != NULL && lock->log != NULL);
    lock->progress = progress;
    uint64_t note[2] = {progress, hash_number(progress)};
    ssize_t size = pwrite(lock->file, note, sizeof note, 0);
    (void)size; /* then the next process knows less, and loses nothing */
}

void
lock_drop(struct lock *lock, bool failed)
{
    if (lock->path == NULL)
        return;
    /* a log that is left is one that a reader needs, or that could not be written back */
    if (lock->progress == 0 || (!failed && access(lock->log, F_OK) != 0))
        unlink(lock->path);
    close(lock->file);
    free(lock->database);
    free(lock->path);
    free(lock->log);
    *lock = (struct lock){0};
}
