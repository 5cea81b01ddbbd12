#include "store/query.h"

#include "base/memory.h"
#include "store/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool
prepare(struct query *query, const char *sql)
{
    unsigned flags = query->once ? 0 : SQLITE_PREPARE_PERSISTENT;
    if (sqlite3_prepare_v3(query->db->connection, sql, -1, flags, &query->statement, NULL) ==
        SQLITE_OK)
        return true;
    db_refused(query->db);
    return false;
}

/* The statement, prepared; NULL when SQLite does not take it, or after an error. */
static struct query *
take(struct db *db, enum statement statement)
{
    assert(statement < STATEMENT_END);
    if (db->error != NULL)
        return NULL;
    struct query *query = &db->statements[statement];
    if (query->statement != NULL)
        return query;
    query->db = db;
    const char *sql = query->sql;
    if (sql == NULL) {
        sql = statement_text(statement);
        query->types = statement_types(statement);
    }
    assert(sql != NULL); /* in the table, or defined */
    return prepare(query, sql) ? query : NULL;
}

void
query_define(struct db *db, enum statement statement, const char *sql, const char *types)
{
    struct query *query = &db->statements[statement];
    assert(statement_text(statement) == NULL && query->sql == NULL);
    query->sql = memory_text(sql);
    query->types = types;
}

static int
bind_bytes(sqlite3_stmt *statement, int i, struct bytes bytes, bool as_text)
{
    const void *data = bytes.size == 0 ? "" : (const void *)bytes.data;
    if (as_text)
        return sqlite3_bind_text64(statement, i, data, bytes.size, SQLITE_STATIC, SQLITE_UTF8);
    return sqlite3_bind_blob64(statement, i, data, bytes.size, SQLITE_STATIC);
}

static void
check_bound(struct query *query, int result)
{
    if (result != SQLITE_OK)
        db_refused(query->db);
}

void
query_set_null(struct query *query, int at)
{
    check_bound(query, sqlite3_bind_null(query->statement, at));
}

void
query_set_integer(struct query *query, int at, int64_t value)
{
    check_bound(query, sqlite3_bind_int64(query->statement, at, value));
}

void
query_set_text(struct query *query, int at, const char *text)
{
    check_bound(query, sqlite3_bind_text(query->statement, at, text, -1, SQLITE_TRANSIENT));
}

void
query_set_bytes(struct query *query, int at, struct bytes bytes, bool as_text)
{
    check_bound(query, bind_bytes(query->statement, at, bytes, as_text));
}

static void
bind_one(struct query *query, int at, char type, va_list *arguments)
{
    assert(strchr("itnsb", type) != NULL);
    if (type == 'i')
        query_set_integer(query, at, va_arg(*arguments, int64_t));
    else if (type == 't')
        query_set_text(query, at, va_arg(*arguments, const char *));
    else if (type == 'n')
        query_set_null(query, at);
    else
        query_set_bytes(query, at, va_arg(*arguments, struct bytes), type == 's');
}

/* False when memory ran out. A query before may have been left by an error of its caller. */
static bool
bind(struct query *query, const char *types, va_list *arguments)
{
    sqlite3_reset(query->statement);
    for (int i = 1; types[i - 1] != 0; i++)
        bind_one(query, i, types[i - 1], arguments);
    return query->db->error == NULL;
}

struct query *
query_bind(struct db *db, enum statement statement, va_list *arguments)
{
    struct query *query = take(db, statement);
    if (query == NULL)
        return NULL;
    assert(strlen(query->types) == (size_t)sqlite3_bind_parameter_count(query->statement));
    return bind(query, query->types, arguments) ? query : NULL;
}

struct query *
query_bind_text(struct db *db, const char *sql, const char *types, va_list *arguments)
{
    if (db->error != NULL)
        return NULL;
    struct query *query = memory_zero(sizeof *query);
    *query = (struct query){.db = db, .types = types, .once = true};
    if (prepare(query, sql) && bind(query, types, arguments))
        return query;
    sqlite3_finalize(query->statement);
    free(query);
    return NULL;
}

struct query *
query_start(struct db *db, enum statement statement)
{
    struct query *query = take(db, statement);
    if (query != NULL)
        sqlite3_reset(query->statement);
    return query;
}

void
query_run(struct query *query)
{
    if (query->db->error == NULL && sqlite3_step(query->statement) != SQLITE_DONE)
        db_refused(query->db);
    sqlite3_reset(query->statement);
}

void
query_free_all(struct db *db)
{
    for (size_t i = 0; i < STATEMENT_END; i++) {
        sqlite3_finalize(db->statements[i].statement);
        free(db->statements[i].sql);
    }
    memset(db->statements, 0, sizeof db->statements);
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
        db_refused(query->db);
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
    if (!query->once)
        return;
    sqlite3_finalize(query->statement);
    free(query);
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

void
query_numbers(struct query *query, size_t most, struct number_list *numbers)
{
    for (size_t i = 0; i < most && query_next(query); i++)
        list_push(numbers, (uint64_t)query_integer(query, 0));
    query_end(query);
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
