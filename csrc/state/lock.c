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
        return "let this user write to its folder; reading it is possible";
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

/* What the process before left. */
static uint64_t
read_progress(int file)
{
    uint64_t progress = 0;
    return pread(file, &progress, sizeof progress, 0) == sizeof progress ? progress : 0;
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
    ssize_t size = pwrite(lock->file, &progress, sizeof progress, 0);
    (void)size; /* then the next process knows less, and loses nothing */
}

void
lock_drop(struct lock *lock, bool failed)
{
    if (lock->path == NULL)
        return;
    if (!failed || lock->progress == 0)
        unlink(lock->path);
    close(lock->file);
    free(lock->path);
    lock->path = NULL;
}
