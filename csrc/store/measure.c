#include "store/measure.h"

#include "store/db.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double
monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double
measure_commits(const char *path, int n)
{
    char *error = NULL;
    struct db *db = db_open(path, DB_WRITE, &error);
    free(error);
    if (db == NULL)
        return -1;
    db_begin(db);
    db_run(db, "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)", "");
    db_commit(db);
    double start = monotonic();
    for (int i = 0; i < n; i++) {
        db_begin(db);
        db_run(db, "INSERT OR REPLACE INTO t VALUES (?, zeroblob(100))", "i", (int64_t)(i % 1000));
        db_commit(db);
    }
    double seconds = monotonic() - start;
    bool failed = db_error(db) != NULL;
    db_close(db);
    unlink(path);
    return failed ? -1 : seconds;
}
