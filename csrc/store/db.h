/* The database file: the only place that knows SQLite.
 *
 * A writer holds a lock of its own beside the file ("bank.db-lock"), so that one process at a time
 * runs a kernel while others may read the last commit. The first error is sticky: after it every
 * call does nothing and every query is empty, and db_commit, the one place that looks, fails. What
 * is in the file then is the last commit. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/bytes.h"
#include "store/lock.h"
#include "store/mode.h"
#include "store/statement.h"

struct db;
struct query;

/* Opens, creates when missing, and checks that the file is a database of this program and
   version. ":memory:" lives in memory. NULL with *error set, to be freed by the caller; errno is
   EWOULDBLOCK when another process has it. */
struct db *db_open(const char *path, enum db_mode mode, char **error);
void db_close(struct db *db); /* rolls back what was not committed; NULL is legal */

/* NULL while all is well, else the first error; borrowed until db_close. */
const char *db_error(const struct db *db);
/* Makes what was read the sticky error: a row that no kernel can have written. */
void db_damaged(struct db *db, const char *table, int64_t id);
/* Makes what SQLite says of its last error the sticky error, and what the system says of it. */
void db_refused(struct db *db);
/* Makes the path and this reason, which begins with what stands between, the sticky error. */
void db_fail(struct db *db, const char *reason);
const char *db_path(const struct db *db);
bool db_is_writable(const struct db *db);

void db_begin(struct db *db); /* before each change */
bool db_commit(struct db *db);
/* Rebuilds the file without the space of what was deleted. No transaction is open. */
bool db_vacuum(struct db *db);
bool db_has_changes(const struct db *db); /* since the last commit */
struct lock *db_lock(struct db *db);      /* which says how far its commits have come */
void db_trim(struct db *db);              /* gives back memory of its caches */
size_t db_memory(const struct db *db);    /* bytes of its caches and statements */

/* Runs a statement that gives no rows, with its arguments; see statement.h for their types. */
void db_run(struct db *db, enum statement statement, ...);

/* Runs statements that give nothing back, such as those of a migration. */
void db_execute(struct db *db, const char *sql);

size_t db_changes(struct db *db); /* rows that the last statement changed */

/* The rows of a statement, for the caller to end (query.h). */
struct query *db_query(struct db *db, enum statement statement, ...);
/* The same for one that has no number: a look at the schema, or a spec's. */
struct query *db_query_text(struct db *db, const char *sql, const char *types, ...);

#endif
