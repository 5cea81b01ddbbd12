#include "state/db.h"

#include "base/buf.h"
#include "state/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
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
    char *lock_path; /* NULL: no lock is held */
    int lock_file;
    enum db_mode mode;
    bool opened; /* as one of ours: queries may begin a transaction */
    bool in_transaction;
    bool changed; /* in this transaction */
    char *error;
    struct query statements[STATEMENTS_MAX];
};

/* Errors */

static void
fail(struct db *db)
{
    if (db->error != NULL)
        return;
    struct buf text = {0};
    buf_format(&text, "%s: the store failed: %s; it holds the last commit", db->path,
        sqlite3_errmsg(db->connection));
    db->error = memory_text(buf_string(&text));
    buf_free(&text);
}

void
db_damaged(struct db *db, const char *table, int64_t id)
{
    if (db->error != NULL)
        return;
    struct buf text = {0};
    buf_format(&text, "%s is damaged: table %s, row %lld makes no sense; use a copy from before",
        db->path, table, (long long)id);
    db->error = memory_text(buf_string(&text));
    buf_free(&text);
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

static void
bind(sqlite3_stmt *statement, const char *types, va_list arguments)
{
    for (int i = 1; types[i - 1] != 0; i++) {
        if (types[i - 1] == 'i') {
            sqlite3_bind_int64(statement, i, va_arg(arguments, int64_t));
        } else if (types[i - 1] == 't') {
            sqlite3_bind_text(statement, i, va_arg(arguments, const char *), -1, SQLITE_TRANSIENT);
        } else if (types[i - 1] == 'n') {
            sqlite3_bind_null(statement, i);
        } else {
            struct bytes bytes = va_arg(arguments, struct bytes);
            const void *data = bytes.size == 0 ? "" : (const void *)bytes.data;
            if (types[i - 1] == 's')
                sqlite3_bind_text64(statement, i, data, bytes.size, SQLITE_STATIC, SQLITE_UTF8);
            else
                sqlite3_bind_blob64(statement, i, data, bytes.size, SQLITE_STATIC);
        }
    }
}

void
db_run(struct db *db, const char *sql, const char *types, ...)
{
    struct query *query = db->error != NULL ? NULL : prepare(db, sql);
    if (query == NULL)
        return;
    va_list arguments;
    va_start(arguments, types);
    bind(query->statement, types, arguments);
    va_end(arguments);
    if (sqlite3_step(query->statement) != SQLITE_DONE)
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
    bind(query->statement, types, arguments);
    va_end(arguments);
    return query;
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
    if (query != NULL)
        sqlite3_reset(query->statement);
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
    if (db->in_transaction && db->error == NULL) {
        db_run(db, "COMMIT", "");
        db->in_transaction = db->error != NULL;
    }
    if (db->error == NULL)
        db->changed = false;
    return db->error == NULL;
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

/* The lock beside the file: taken, then checked to be still the one that the name leads to, since
   the holder before removes it. */
static bool
take_lock(struct db *db)
{
    struct buf name = {0};
    buf_format(&name, "%s-lock", db->path);
    db->lock_path = memory_text(buf_string(&name));
    buf_free(&name);
    for (;;) {
        int file = open(db->lock_path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
        struct stat held;
        struct stat named;
        if (file < 0 || flock(file, LOCK_EX | LOCK_NB) != 0) {
            int why = errno;
            if (file >= 0)
                close(file);
            free(db->lock_path);
            db->lock_path = NULL;
            errno = why;
            return false;
        }
        if (fstat(file, &held) == 0 && stat(db->lock_path, &named) == 0 &&
            held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
            db->lock_file = file;
            return true;
        }
        close(file);
    }
}

static void
drop_lock(struct db *db)
{
    if (db->lock_path == NULL)
        return;
    unlink(db->lock_path);
    close(db->lock_file);
    free(db->lock_path);
    db->lock_path = NULL;
}

/* Opening */

static int64_t
pragma(struct db *db, const char *sql)
{
    struct query *query = db_query(db, sql, "");
    int64_t value = query_next(query) ? query_integer(query, 0) : 0;
    query_end(query);
    return value;
}

static void
execute(struct db *db, const char *sql)
{
    if (db->error == NULL && sqlite3_exec(db->connection, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(db);
}

bool
db_vacuum(struct db *db)
{
    execute(db, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    return db->error == NULL;
}

static void
migrate(struct db *db, int64_t version)
{
    for (; version < SCHEMA_VERSION; version++)
        execute(db, schema_migrations[version]);
    char text[96];
    snprintf(text, sizeof text, "PRAGMA application_id = %d; PRAGMA user_version = %d",
        SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
    execute(db, text);
}

/* Says in *why what the file is when it is not one of ours, or leaves it alone. */
static void
check_format(struct db *db, struct buf *why)
{
    int64_t tables = pragma(db, "SELECT count(*) FROM sqlite_schema");
    int64_t application = pragma(db, "PRAGMA application_id");
    int64_t version = pragma(db, "PRAGMA user_version");
    if (db->error != NULL)
        buf_format(
            why, "%s: not a Moonvat database (%s)", db->path, sqlite3_errmsg(db->connection));
    else if (tables == 0 && application == 0 && version == 0 && db->mode == DB_WRITE)
        return;
    else if (application != SCHEMA_APPLICATION_ID)
        buf_format(why, "%s: not a Moonvat database (it belongs to another program)", db->path);
    else if (version > SCHEMA_VERSION)
        buf_format(why,
            "%s was written by a newer Moonvat (format %lld; this program knows up to %d): "
            "use that version, or a copy from before",
            db->path, (long long)version, SCHEMA_VERSION);
    else if (version < SCHEMA_VERSION && db->mode == DB_READ)
        buf_format(why,
            "%s was written by an older Moonvat (format %lld, now %d): open it for writing once, "
            "which brings it up to date",
            db->path, (long long)version, SCHEMA_VERSION);
}

static void
configure(struct db *db)
{
    sqlite3_extended_result_codes(db->connection, 1);
    sqlite3_busy_timeout(db->connection, 10000);
    sqlite3_db_config(db->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
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
    if (db->mode == DB_WRITE && !in_memory && !take_lock(db)) {
        if (errno == EWOULDBLOCK)
            buf_format(why, "%s is in use by another process", db->path);
        else
            buf_format(why, "%s: cannot lock it: %s", db->path, strerror(errno));
        return;
    }
    int flags =
        db->mode == DB_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
    int result = sqlite3_open_v2(db->path, &db->connection, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK) {
        buf_format(why, "%s: %s", db->path, sqlite3_errmsg(db->connection));
        return;
    }
    configure(db);
    check_format(db, why);
    if (why->size > 0)
        return;
    if (db->mode == DB_READ) {
        execute(db, "PRAGMA query_only = ON");
    } else {
        execute(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                    "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY");
        int64_t version = pragma(db, "PRAGMA user_version");
        if (version < SCHEMA_VERSION) {
            db_begin(db);
            migrate(db, version);
            db_commit(db);
        }
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
    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        sqlite3_finalize(db->statements[i].statement);
    sqlite3_close(db->connection);
    drop_lock(db);
    free(db->error);
    free(db->path);
    free(db);
}

/* Measuring */

static double
monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double
db_measure_commits(const char *path, int n)
{
    struct db db = {.path = (char *)(uintptr_t)path, .mode = DB_WRITE};
    if (sqlite3_open_v2(path, &db.connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
        SQLITE_OK) {
        sqlite3_close(db.connection);
        return -1;
    }
    execute(&db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                 "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)");
    double start = monotonic();
    for (int i = 0; i < n; i++) {
        db_begin(&db);
        db_run(&db, "INSERT OR REPLACE INTO t VALUES (?, zeroblob(100))", "i", (int64_t)(i % 1000));
        db_commit(&db);
    }
    double seconds = monotonic() - start;
    bool failed = db.error != NULL;
    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        sqlite3_finalize(db.statements[i].statement);
    sqlite3_close(db.connection);
    free(db.error);
    unlink(path);
    return failed ? -1 : seconds;
}
