#include "store/opened.h"

#include "base/buf.h"
#include "base/memory.h"
#include "store/file.h"
#include "store/internal.h"
#include "store/query.h"
#include "store/statement.h"
#include "store/still.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
is_beside(const char *name, const char *ending)
{
    struct buf path = {0};
    buf_format(&path, "%s%s", name, ending);
    bool there = access(buf_string(&path), F_OK) == 0;
    buf_free(&path);
    return there;
}

/* What the file itself says, without its log and without locks; NULL: nothing. The caller frees. */
static char *
read_name(const char *name)
{
    struct still still = {.database = memory_text(name)};
    char *uri = still_name(&still);
    sqlite3 *connection = NULL;
    sqlite3_stmt *statement = NULL;
    char *noted = NULL;
    if (sqlite3_open_v2(uri, &connection,
            SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(connection, statement_text(STATEMENT_OPENED), -1, &statement, NULL) ==
            SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        noted = memory_text((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(connection);
    free(uri);
    still_end(&still);
    return noted;
}

void
opened_check(const char *path, const char *name, struct buf *why)
{
    char *noted = read_name(name);
    if (noted != NULL && strcmp(noted, name) != 0 && file_is_same(noted, name) &&
        (is_beside(noted, "-wal") || is_beside(noted, "-lock")))
        buf_format(why,
            "%s was last opened under its other name, beside which its log is; open it as %s", path,
            noted);
    free(noted);
}

void
opened_note(struct db *db, const char *name)
{
    struct query *query = db_query(db, STATEMENT_OPENED);
    bool same = query_next(query) && bytes_equal(query_bytes(query, 0), bytes_of(name));
    query_end(query);
    if (same)
        return;
    db_begin(db);
    db_run(db, STATEMENT_OPENED_SET, name);
    db_commit(db);
    db_execute(db, "PRAGMA wal_checkpoint(FULL)"); /* a reader may keep it from that for a while */
}
