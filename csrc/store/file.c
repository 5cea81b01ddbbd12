#include "store/file.h"

#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    struct file *next;
    dev_t device;
    ino_t inode;
    char *name;
    int descriptor; /* -1: none was needed so far, or the file could not be opened */
    size_t connections;
    bool written; /* one of them writes, and holds the lock */
    bool made;    /* for this writer */
};

static struct file *files; /* of the process */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

const char *
file_advice(int error)
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

static struct file *
find(const struct stat *status)
{
    struct file *file = files;
    while (file != NULL && (file->inode != status->st_ino || file->device != status->st_dev))
        file = file->next;
    return file;
}

static struct file *
add(const struct stat *status, const char *name)
{
    struct file *file = memory_zero(sizeof *file);
    *file = (struct file){.next = files,
        .device = status->st_dev,
        .inode = status->st_ino,
        .name = memory_text(name),
        .descriptor = -1};
    files = file;
    return file;
}

static void
forget(struct file *file)
{
    assert(file->connections == 0 && !file->written);
    struct file **link = &files;
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    if (file->descriptor >= 0)
        close(file->descriptor);
    free(file->name);
    free(file);
}

/* False: another process has the lock. A file that this user may not even read is left to SQLite,
   which says so. */
static bool
lock(struct file *file)
{
    if (file->descriptor < 0)
        file->descriptor = open(file->name, O_RDWR | O_CLOEXEC);
    if (file->descriptor < 0)
        file->descriptor = open(file->name, O_RDONLY | O_CLOEXEC);
    return file->descriptor < 0 || flock(file->descriptor, LOCK_EX | LOCK_NB) == 0;
}

/* The status of a file that is there, or was made to be written: true in *made. */
static bool
look(const char *name, enum file_use use, struct stat *status, bool *made)
{
    if (stat(name, status) == 0)
        return true;
    if (use != FILE_WRITE || errno != ENOENT)
        return false;
    int descriptor = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0)
        return false;
    *made = fstat(descriptor, status) == 0;
    close(descriptor); /* it was not there: nothing of this process is open on it */
    return *made;
}

/* Why the file is not to be had for this use, in *why; true when it is. */
static bool
check(struct file *file, const char *path, const char *name, enum file_use use, struct buf *why)
{
    if (strcmp(file->name, name) != 0)
        buf_format(why,
            "%s is open here under its other name, beside which its log is; open it as %s", path,
            file->name);
    else if (use == FILE_WRITE && (file->written || !lock(file)))
        buf_format(why, "%s is in use by another process", path);
    return why->size == 0;
}

static struct file *
take(const char *path, const char *name, enum file_use use, bool *refused, struct buf *why)
{
    struct stat status;
    bool made = false;
    if (!look(name, use, &status, &made)) {
        buf_format(why, "%s: cannot make it: %s; %s", path, strerror(errno), file_advice(errno));
        return NULL;
    }
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        buf_format(why, "%s: neither a database nor a file: name a file", path);
        return NULL;
    }
    struct file *file = find(&status);
    if (file == NULL)
        file = add(&status, name);
    if (!check(file, path, name, use, why)) {
        *refused = strcmp(file->name, name) == 0;
        if (file->connections == 0)
            forget(file);
        return NULL;
    }
    file->connections++;
    if (use == FILE_WRITE) {
        file->written = true;
        file->made = made;
    }
    return file;
}

static bool
leads_elsewhere(const struct file *file)
{
    struct stat status;
    return stat(file->name, &status) == 0 &&
           (status.st_ino != file->inode || status.st_dev != file->device);
}

static void
drop(struct file *file, enum file_use use, bool unused)
{
    assert(file->connections > 0 && (use == FILE_READ || file->written));
    struct stat status;
    if (use == FILE_WRITE) {
        if (unused && file->made && stat(file->name, &status) == 0 && status.st_size == 0 &&
            status.st_ino == file->inode)
            unlink(file->name);
        file->written = file->made = false;
        if (file->descriptor >= 0)
            flock(file->descriptor, LOCK_UN);
    }
    if (--file->connections == 0)
        forget(file);
}

struct file *
file_take(const char *path, const char *name, enum file_use use, bool *refused, struct buf *why)
{
    pthread_mutex_lock(&mutex);
    struct file *file = take(path, name, use, refused, why);
    /* until it was locked, the name could be given to another file */
    while (file != NULL && leads_elsewhere(file)) {
        drop(file, use, true);
        file = take(path, name, use, refused, why);
    }
    pthread_mutex_unlock(&mutex);
    return file;
}

void
file_drop(struct file *file, enum file_use use, bool unused)
{
    if (file == NULL)
        return;
    pthread_mutex_lock(&mutex);
    drop(file, use, unused);
    pthread_mutex_unlock(&mutex);
}

const char *
file_name(const struct file *file)
{
    return file->name;
}

bool
file_has_names(const struct file *file)
{
    struct stat status;
    return stat(file->name, &status) == 0 && status.st_nlink > 1;
}

bool
file_is_same(const char *path, const char *other)
{
    struct stat a, b;
    return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}
