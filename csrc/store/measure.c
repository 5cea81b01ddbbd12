#include "store/measure.h"

#include "base/clock.h"
#include "store/db.h"

#include <stdlib.h>
#include <unistd.h>

double
measure_commits(const char *path, int n)
{
    char *error = NULL;
    struct db *db = db_open(path, DB_WRITE, &error);
    free(error);
    if (db == NULL)
        return -1;
    db_begin(db);
    db_execute(db, "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)");
    db_commit(db);
    double start = clock_since_start();
    for (int i = 0; i < n; i++) {
        db_begin(db);
        db_run(db, STATEMENT_MEASURE, (int64_t)(i % 1000));
        db_commit(db);
    }
    double seconds = clock_since_start() - start;
    bool failed = db_error(db) != NULL;
    db_close(db);
    unlink(path);
    return failed ? -1 : seconds;
}
