/* The lock of a database, and the note beside it ("bank.db-lock"): one process at a time runs a
 * kernel.
 *
 * The lock is on the database itself (file.h). The note says how far the commits have come that
 * were acknowledged. It is written after each commit and never synced: a crash of the process
 * leaves it as it is, one of the machine may leave an older one, or nothing. So a database that is
 * behind it has lost something since. Note and log go by the database's name; see open.c for one
 * that has two. */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "base/buf.h"

struct file;

struct lock {
    char *path;        /* of the note; NULL: a reader's, or not held */
    bool refused;      /* another kernel writes to it */
    char *database;    /* its real path */
    struct file *file; /* NULL: not held */
    int note;
    char *log;      /* the path of the database's log */
    uint64_t inode; /* of the database; 0: it is not watched */
    uint64_t device;
    uint64_t progress; /* acknowledged: at first by the process before, when it did not end well */
};

/* The path by which all who open the file know it, whatever link or folder they came by: its note
   and its log are beside that. Of a file that is still to be made, by its folder. The caller
   frees. */
char *lock_real_path(const char *database);
/* False with the reason in *why. */
bool lock_take(struct lock *lock, const char *database, struct buf *why);
/* For a reader: counts its connection, and reads how far the commits have come, to be compared with
   what the database is asked afterwards. False with the reason in *why. */
bool lock_peek(struct lock *lock, const char *database, struct buf *why);
/* From now on the database and its log are there. */
void lock_watch(struct lock *lock);
/* Whether the name of the database leads to another file by now, or that of its log to none. */
bool lock_has_moved(const struct lock *lock);
void lock_acknowledge(struct lock *lock, uint64_t progress);
/* Gives it up, when no connection to the database is left. When the process failed, or left a log,
   the note stays for the next one, if it says anything; unused: nothing was written. Nothing when
   it is not held. */
void lock_drop(struct lock *lock, bool failed, bool unused);

#endif
