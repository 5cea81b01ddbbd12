#include "state/lock.h"

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
    struct buf name = {0};
    buf_format(&name, "%s-lock", database);
    int file = open(buf_string(&name), O_RDONLY | O_CLOEXEC);
    buf_free(&name);
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
    struct buf name = {0};
    buf_format(&name, "%s-lock", database);
    const char *path = buf_string(&name);
    for (;;) {
        int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
        struct stat held;
        struct stat named;
        if (file < 0 || flock(file, LOCK_EX | LOCK_NB) != 0) {
            explain(why, database, errno);
            if (file >= 0)
                close(file);
            break;
        }
        if (fstat(file, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
            held.st_dev == named.st_dev) {
            lock->path = memory_text(path);
            lock->file = file;
            lock->progress = read_progress(file);
            break;
        }
        close(file);
    }
    buf_free(&name);
    return lock->path != NULL;
}

void
lock_acknowledge(struct lock *lock, uint64_t progress)
{
    if (lock->path == NULL || lock->progress == progress)
        return;
    lock->progress = progress;
    uint64_t note[2] = {progress, hash_number(progress)};
    ssize_t size = pwrite(lock->file, note, sizeof note, 0);
    (void)size; /* then the next process knows less, and loses nothing */
}

/* A reader still needs it, or it could not be written back. */
static bool
log_is_left(const struct lock *lock)
{
    struct buf name = {0};
    buf_append(&name, lock->path, strlen(lock->path) - strlen("lock"));
    buf_text(&name, "wal");
    bool left = access(buf_string(&name), F_OK) == 0;
    buf_free(&name);
    return left;
}

void
lock_drop(struct lock *lock, bool failed)
{
    if (lock->path == NULL)
        return;
    if (lock->progress == 0 || (!failed && !log_is_left(lock)))
        unlink(lock->path);
    close(lock->file);
    free(lock->path);
    lock->path = NULL;
}
