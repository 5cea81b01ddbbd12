#include "store/db.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/memory.h"
#include "store/schema.h"
#include "store/still.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATEMENTS_MAX 256 /* slots of the statement cache; more than there are literals */

struct query {
    struct db *db;
    const char *sql;
    sqlite3_stmt *statement;
};

struct db {
    sqlite3 *connection;
    char *path;
    struct lock lock;
    struct still still; /* for a reader in a folder where it may not write */
    enum db_mode mode;
    bool opened; /* as one of ours: queries may begin a transaction */
    bool in_transaction;
    bool changed; /* in this transaction */
    char *error;
    struct query statements[STATEMENTS_MAX];
};

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

/* With what SQLite says of its last error, and what the system says where that is the reason. */
static void
fail(struct db *db)
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

static struct query *
prepare(struct db *db, const char *sql)
{
    size_t at = (size_t)hash_number((uintptr_t)sql) % STATEMENTS_MAX;
    while (db->statements[at].sql != NULL && db->statements[at].sql != sql)
        at = (at + 1) % STATEMENTS_MAX;
    struct query *query = &db->statements[at];
    if (query->sql == NULL) {
        if (sqlite3_prepare_v3(db->connection, sql, -1, SQLITE_PREPARE_PERSISTENT,
                &query->statement, NULL) != SQLITE_OK) {
            fail(db);
            return NULL;
        }
        query->db = db;
        query->sql = sql;
    }
    return query;
}

static int
bind_one(sqlite3_stmt *statement, int i, char type, va_list *arguments)
{
    if (type == 'i')
        return sqlite3_bind_int64(statement, i, va_arg(*arguments, int64_t));
    if (type == 't')
        return sqlite3_bind_text(
            statement, i, va_arg(*arguments, const char *), -1, SQLITE_TRANSIENT);
    if (type == 'n')
        return sqlite3_bind_null(statement, i);
    struct bytes bytes = va_arg(*arguments, struct bytes);
    const void *data = bytes.size == 0 ? "" : (const void *)bytes.data;
    if (type == 's')
        return sqlite3_bind_text64(statement, i, data, bytes.size, SQLITE_STATIC, SQLITE_UTF8);
    return sqlite3_bind_blob64(statement, i, data, bytes.size, SQLITE_STATIC);
}

/* False when memory ran out. A query before may have been left by an error of its caller. */
static bool
bind(struct query *query, const char *types, va_list *arguments)
{
    sqlite3_reset(query->statement);
    for (int i = 1; types[i - 1] != 0; i++) {
        if (bind_one(query->statement, i, types[i - 1], arguments) == SQLITE_OK)
            continue;
        fail(query->db);
        return false;
    }
    return true;
}

void
db_run(struct db *db, const char *sql, const char *types, ...)
{
    struct query *query = db->error != NULL ? NULL : prepare(db, sql);
    if (query == NULL)
        return;
    va_list arguments;
    va_start(arguments, types);
    bool good = bind(query, types, &arguments);
    va_end(arguments);
    if (good && sqlite3_step(query->statement) != SQLITE_DONE)
        fail(db);
    sqlite3_reset(query->statement);
}

size_t
db_changes(struct db *db)
{
    return db->error != NULL ? 0 : (size_t)sqlite3_changes(db->connection);
}

struct query *
db_query(struct db *db, const char *sql, const char *types, ...)
{
    if (db->opened && !db->in_transaction && db->mode == DB_WRITE) {
        /* one transaction for all reads until the next commit: each of its own costs locks; a
           reader sees each commit, and does not keep the writer from its log */
        db_run(db, "BEGIN", "");
        db->in_transaction = db->error == NULL;
    }
    struct query *query = db->error != NULL ? NULL : prepare(db, sql);
    if (query == NULL)
        return NULL;
    va_list arguments;
    va_start(arguments, types);
    bool good = bind(query, types, &arguments);
    va_end(arguments);
    return good ? query : NULL;
}

bool
query_next(struct query *query)
{
    if (query == NULL || query->db->error != NULL)
        return false;
    int result = sqlite3_step(query->statement);
    if (result == SQLITE_ROW)
        return true;
    if (result != SQLITE_DONE)
        fail(query->db);
    return false;
}

void
query_end(struct query *query)
{
    if (query == NULL)
        return;
    sqlite3_reset(query->statement);
    if (!still_holds(&query->db->still))
        db_fail(query->db, " was written to by another process while it was read; read it again");
}

bool
query_null(struct query *query, int column)
{
    return sqlite3_column_type(query->statement, column) == SQLITE_NULL;
}

int64_t
query_integer(struct query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

struct bytes
query_bytes(struct query *query, int column)
{
    const void *data = sqlite3_column_blob(query->statement, column);
    return (struct bytes){data, (size_t)sqlite3_column_bytes(query->statement, column)};
}

int
query_columns(struct query *query)
{
    return query == NULL ? 0 : sqlite3_column_count(query->statement);
}

const char *
query_column_name(struct query *query, int column)
{
    return sqlite3_column_name(query->statement, column);
}

enum column_type
query_column_type(struct query *query, int column)
{
    switch (sqlite3_column_type(query->statement, column)) {
    case SQLITE_INTEGER:
        return COLUMN_INTEGER;
    case SQLITE_TEXT:
        return COLUMN_TEXT;
    case SQLITE_NULL:
        return COLUMN_NULL;
    default:
        return COLUMN_BLOB;
    }
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
    db_run(db, "BEGIN IMMEDIATE", "");
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
        db_run(db, "COMMIT", "");
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

/* Opening */

void
db_execute(struct db *db, const char *sql)
{
    if (db->error == NULL && sqlite3_exec(db->connection, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(db);
}

bool
db_vacuum(struct db *db)
{
    db_execute(db, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    return db->error == NULL;
}

/* Says in *why what the file is when it is not one of ours. */
static void
check_format(struct db *db, struct buf *why)
{
    schema_check(db, why);
    if (sqlite3_errcode(db->connection) == SQLITE_NOTADB) {
        buf_clear(why);
        buf_format(
            why, "%s: not a Moonvat database (%s)", db->path, sqlite3_errmsg(db->connection));
    }
}

static void
configure(struct db *db)
{
    sqlite3_extended_result_codes(db->connection, 1);
    sqlite3_busy_timeout(db->connection, 10000);
    sqlite3_db_config(db->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
}

/* False with the error in *why. */
static bool
connect(struct db *db, const char *name, int flags, struct buf *why)
{
    if (sqlite3_open_v2(name, &db->connection, SQLITE_OPEN_NOMUTEX | flags, NULL) == SQLITE_OK) {
        configure(db);
        return true;
    }
    fail(db);
    buf_text(why, db->error);
    return false;
}

static void
disconnect(struct db *db)
{
    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        sqlite3_finalize(db->statements[i].statement);
    sqlite3_close(db->connection);
    memset(db->statements, 0, sizeof db->statements);
}

/* Readers and a writer share files beside the database. Where there are none and none can be made,
   it is read without, while it is still. */
static void
check_still(struct db *db, struct buf *why)
{
    int code = sqlite3_errcode(db->connection) & 0xff;
    if (db->error == NULL || (code != SQLITE_CANTOPEN && code != SQLITE_READONLY) ||
        !still_begin(&db->still, db->path))
        return;
    disconnect(db);
    free(db->error);
    db->error = NULL;
    buf_clear(why);
    char *name = still_name(&db->still);
    if (connect(db, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, why))
        check_format(db, why);
    free(name);
}

/* Everything that may go wrong in opening; text in *why when it did. */
static void
open_file(struct db *db, struct buf *why)
{
    bool in_memory = strcmp(db->path, ":memory:") == 0;
    if (db->mode == DB_READ && !in_memory && access(db->path, R_OK) != 0) {
        buf_format(why, "%s: %s", db->path, strerror(errno));
        return;
    }
    if (db->mode == DB_READ)
        lock_peek(&db->lock, db->path);
    if (db->mode == DB_WRITE && !in_memory && !lock_take(&db->lock, db->path, why))
        return;
    int create = db->mode == DB_WRITE ? SQLITE_OPEN_CREATE : 0;
    if (!connect(db, db->path, SQLITE_OPEN_READWRITE | create, why))
        return;
    if (db->mode == DB_WRITE && sqlite3_db_readonly(db->connection, "main") == 1)
        buf_format(why, "%s: this user may not write to it, only read it", db->path);
    else
        check_format(db, why);
    if (db->mode == DB_READ)
        check_still(db, why);
    if (why->size > 0)
        return;
    if (db->mode == DB_READ) {
        db_execute(db, "PRAGMA query_only = ON");
    } else {
        db_execute(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                       "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY");
        schema_migrate(db);
    }
    if (db->error != NULL)
        buf_text(why, db->error);
}

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
        *error = memory_text(buf_string(&why));
        db_close(db);
        db = NULL;
    }
    buf_free(&why);
    return db;
}

void
db_close(struct db *db)
{
    if (db == NULL)
        return;
    disconnect(db);
    still_end(&db->still);
    lock_drop(&db->lock, db->error != NULL || !db->opened);
    free(db->error);
    free(db->path);
    free(db);
}
