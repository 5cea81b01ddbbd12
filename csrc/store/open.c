#include "store/open.h"

#include "store/db.h"
#include "store/file.h"
#include "store/internal.h"
#include "store/opened.h"
#include "store/query.h"
#include "store/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    db_refused(db);
    buf_text(why, db->error);
    return false;
}

void
open_undo(struct db *db)
{
    query_free_all(db);
    sqlite3_close(db->connection);
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
    open_undo(db);
    free(db->error);
    db->error = NULL;
    buf_clear(why);
    char *name = still_name(&db->still);
    if (connect(db, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, why))
        check_format(db, why);
    free(name);
}

/* The file, and for a writer its lock, before SQLite looks at it. */
static bool
take(struct db *db, struct buf *why)
{
    bool taken = db->mode == DB_WRITE ? lock_take(&db->lock, db->path, why)
                                      : lock_peek(&db->lock, db->path, why);
    if (taken && file_has_names(db->lock.file))
        opened_check(db->path, file_name(db->lock.file), why);
    return why->size == 0;
}

void
open_file(struct db *db, struct buf *why)
{
    bool in_memory = strcmp(db->path, ":memory:") == 0;
    if (db->mode == DB_READ && !in_memory && access(db->path, R_OK) != 0) {
        buf_format(why, "%s: %s", db->path, strerror(errno));
        return;
    }
    if (!in_memory && !take(db, why))
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
        if (!in_memory)
            opened_note(db, file_name(db->lock.file));
    }
    if (db->error != NULL)
        buf_text(why, db->error);
}
