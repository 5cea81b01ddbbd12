/* The lock beside a database ("bank.db-lock"): one process at a time runs a kernel.
 *
 * Its file also says how far the commits have come that were acknowledged. It is written after
 * each commit and never synced: a crash of the process leaves it as it is, one of the machine may
 * leave an older one, or nothing. So a database that is behind it has lost something since. */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "base/buf.h"

struct lock {
    char *path;   /* NULL: not held */
    bool refused; /* another process holds it */
    char *database;
    int file;
    char *log;      /* the path of the database's log */
    uint64_t inode; /* of the database; 0: it is not watched */
    uint64_t device;
    uint64_t progress; /* acknowledged: at first by the process before, when it did not end well */
};

/* The path by which all who open the file know it, whatever link or folder they came by: its lock
   and its log are beside that. Of a file that is still to be made, by its folder. The caller
   frees. */
char *lock_real_path(const char *database);
/* False with the reason in *why. */
bool lock_take(struct lock *lock, const char *database, struct buf *why);
/* Reads how far the commits have come, without the lock; to be compared with what the database is
   asked afterwards. */
void lock_peek(struct lock *lock, const char *database);
/* From now on the database and its log are there. */
void lock_watch(struct lock *lock);
/* Whether the name of the database leads to another file by now, or that of its log to none. */
bool lock_has_moved(const struct lock *lock);
void lock_acknowledge(struct lock *lock, uint64_t progress);
/* Gives it up. When the process failed, or left a log, the file stays for the next one, if it says
   anything. Nothing when it is not held. */
void lock_drop(struct lock *lock, bool failed);

#endif
