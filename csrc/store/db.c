#include "store/db.h"

#include "base/buf.h"
#include "base/memory.h"
#include "store/internal.h"
#include "store/open.h"
#include "store/query.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Errors */

static const char *
advice(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return ": make room on the disk, then open it again";
    case SQLITE_IOERR:
        return ": see what its disk has, then open it again";
    case SQLITE_NOMEM:
        return ": give this program more memory, then open it again";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return ": let this user write to it and to its folder, or copy it to another one, then "
               "open it again";
    case SQLITE_BUSY:
    case SQLITE_PROTOCOL:
        return ": end the other program that has it locked, then open it again";
    default:
        return "";
    }
}

/* The error of the system that SQLite met last, in the database or its log; 0 for none. */
static int
system_error(struct db *db)
{
    sqlite3_file *log = NULL;
    int error = sqlite3_system_errno(db->connection);
    sqlite3_file_control(db->connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&log);
    if (error == 0 && log != NULL && log->pMethods != NULL && log->pMethods->xFileControl != NULL)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
    if (error == 0)
        sqlite3_file_control(db->connection, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
    return error;
}

void
db_refused(struct db *db)
{
    int code = sqlite3_extended_errcode(db->connection);
    bool is_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    int system = is_system ? system_error(db) : 0;
    struct buf text = {0};
    buf_text(&text, db->opened ? ": the store failed: " : ": cannot open it: ");
    buf_text(&text, sqlite3_errmsg(db->connection));
    if (system != 0)
        buf_format(&text, " (%s)", strerror(system));
    if ((code & 0xff) == SQLITE_CORRUPT)
        buf_text(&text, "; the file is damaged: use a copy from before");
    else if (db->opened)
        buf_text(&text, "; it holds the last commit");
    buf_text(&text, system == EISDIR ? ": name a file, not a folder" : advice(code));
    db_fail(db, buf_string(&text));
    buf_free(&text);
}

void
db_fail(struct db *db, const char *reason)
{
    if (db->error != NULL)
        return;
    struct buf text = {0};
    buf_format(&text, "%s%s", db->path, reason);
    db->error = memory_text(buf_string(&text));
    buf_free(&text);
}

void
db_damaged(struct db *db, const char *table, int64_t id)
{
    char reason[128];
    snprintf(reason, sizeof reason,
        " is damaged: table %.40s, row %lld makes no sense; use a copy from before", table,
        (long long)id);
    db_fail(db, reason);
}

const char *
db_error(const struct db *db)
{
    return db->error;
}

const char *
db_path(const struct db *db)
{
    return db->path;
}

bool
db_is_writable(const struct db *db)
{
    return db->mode == DB_WRITE;
}

/* Statements */

void
db_run(struct db *db, enum statement statement, ...)
{
    va_list arguments;
    va_start(arguments, statement);
    struct query *query = query_bind(db, statement, &arguments);
    va_end(arguments);
    if (query != NULL)
        query_run(query);
}

size_t
db_changes(struct db *db)
{
    return db->error != NULL ? 0 : (size_t)sqlite3_changes(db->connection);
}

/* One transaction for all reads until the next commit: each of its own costs locks; a reader sees
   each commit, and does not keep the writer from its log. */
static void
begin_reading(struct db *db)
{
    if (!db->opened || db->in_transaction || db->mode == DB_READ)
        return;
    db_run(db, STATEMENT_BEGIN);
    db->in_transaction = db->error == NULL;
}

struct query *
db_query(struct db *db, enum statement statement, ...)
{
    begin_reading(db);
    va_list arguments;
    va_start(arguments, statement);
    struct query *query = query_bind(db, statement, &arguments);
    va_end(arguments);
    return query;
}

struct query *
db_query_text(struct db *db, const char *sql, const char *types, ...)
{
    begin_reading(db);
    va_list arguments;
    va_start(arguments, types);
    struct query *query = query_bind_text(db, sql, types, &arguments);
    va_end(arguments);
    return query;
}

/* Transactions */

void
db_begin(struct db *db)
{
    if (db->error != NULL)
        return;
    db->changed = true;
    if (db->in_transaction)
        return;
    db_run(db, STATEMENT_BEGIN_WRITING);
    db->in_transaction = db->error == NULL;
}

bool
db_commit(struct db *db)
{
    if (db->changed && lock_has_moved(&db->lock))
        db_fail(db,
            " or its log was moved, removed or replaced while it was open; put it back as it"
            " was, then open it again");
    if (db->in_transaction && db->error == NULL) {
        db_run(db, STATEMENT_COMMIT);
        db->in_transaction = db->error != NULL;
    }
    if (db->error == NULL)
        db->changed = false;
    return db->error == NULL;
}

struct lock *
db_lock(struct db *db)
{
    return &db->lock;
}

bool
db_has_changes(const struct db *db)
{
    return db->changed;
}

void
db_trim(struct db *db)
{
    sqlite3_db_release_memory(db->connection);
}

size_t
db_memory(const struct db *db)
{
    const int kinds[] = {
        SQLITE_DBSTATUS_CACHE_USED, SQLITE_DBSTATUS_SCHEMA_USED, SQLITE_DBSTATUS_STMT_USED};
    size_t size = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int now = 0, highest = 0;
        sqlite3_db_status(db->connection, kinds[i], &now, &highest, 0);
        size += (size_t)now;
    }
    return size;
}

void
db_execute(struct db *db, const char *sql)
{
    if (db->error == NULL && sqlite3_exec(db->connection, sql, NULL, NULL, NULL) != SQLITE_OK)
        db_refused(db);
}

bool
db_vacuum(struct db *db)
{
    assert(!db->in_transaction || db->error != NULL);
    db_execute(db, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    return db->error == NULL;
}

/* Opening */

struct db *
db_open(const char *path, enum db_mode mode, char **error)
{
    struct db *db = memory_zero(sizeof *db);
    struct buf why = {0};
    db->path = memory_text(path);
    db->mode = mode;
    open_file(db, &why);
    db->opened = why.size == 0;
    lock_watch(&db->lock);
    if (why.size > 0) {
        bool in_use = db->lock.refused;
        *error = memory_text(buf_string(&why));
        db_close(db);
        buf_free(&why);
        errno = in_use ? EWOULDBLOCK : 0;
        return NULL;
    }
    buf_free(&why);
    return db;
}

void
db_close(struct db *db)
{
    if (db == NULL)
        return;
    open_undo(db);
    still_end(&db->still);
    lock_drop(&db->lock, db->error != NULL || !db->opened, !db->opened);
    free(db->error);
    free(db->path);
    free(db);
}
