#include "state/rows/row_sql.h"

#include "base/buf.h"
#include "state/rows/columns.h"
#include "state/rows/row.h"
#include "store/query.h"

#include <assert.h>

/* Appends the name of each column of this role, or of any, between the one text and the other. */
static void
names(struct buf *sql, const struct column *list, int role, const char *before, const char *after,
    const char *between)
{
    bool first = true;
    for (const struct column *at = list; at->is != IS_NONE; at++) {
        if (!columns_is_written(at) || (role >= 0 && at->role != (enum column_role)role))
            continue;
        if (!first)
            buf_text(sql, between);
        buf_format(sql, "%s%s%s", before, at->name, after);
        first = false;
    }
}

static size_t
count(const struct column *list)
{
    size_t n = 0;
    for (const struct column *at = list; at->is != IS_NONE; at++)
        n += columns_is_written(at);
    return n;
}

static void
write_write(struct buf *sql, const struct row_type *type)
{
    const struct column *list = type->columns;
    buf_format(sql, "INSERT INTO %s (", type->name);
    names(sql, list, -1, "", "", ", ");
    buf_text(sql, ") VALUES (?");
    for (size_t i = 1; i < count(list); i++)
        buf_text(sql, ", ?");
    buf_text(sql, ") ON CONFLICT (");
    names(sql, list, ROLE_KEY, "", "", ", ");
    buf_text(sql, ") DO UPDATE SET (");
    names(sql, list, ROLE_VALUE, "", "", ", ");
    buf_text(sql, ") = (");
    names(sql, list, ROLE_VALUE, "excluded.", "", ", ");
    buf_text(sql, ")");
}

static void
write_change(struct buf *sql, const struct row_type *type, enum column_role role)
{
    buf_format(sql, "UPDATE %s SET ", type->name);
    names(sql, type->columns, (int)role, "", " = ?", ", ");
    buf_text(sql, " WHERE ");
    names(sql, type->columns, ROLE_KEY, "", " = ?", " AND ");
}

static void
write_erase(struct buf *sql, const struct row_type *type)
{
    buf_format(sql, "DELETE FROM %s WHERE ", type->name);
    names(sql, type->columns, ROLE_KEY, "", " = ?", " AND ");
}

/* The text becomes the statement's; its arguments are set one by one, or are of these types. */
static void
define(struct db *db, enum statement statement, struct buf *sql, const char *types)
{
    query_define(db, statement, buf_string(sql), types);
    buf_clear(sql);
}

void
row_sql_define(struct db *db, const struct row_type *type)
{
    struct buf sql = {0};
    if (type->name == NULL)
        return;
    write_write(&sql, type);
    define(db, type->write_by, &sql, "");
    write_erase(&sql, type);
    define(db, type->erase_by, &sql, "");
    assert(type->selects != NULL && (type->renewed != 0) == (type->change_by != 0));
    if (type->renewed != 0) {
        write_change(&sql, type, ROLE_VALUE);
        define(db, type->change_by, &sql, "");
        write_change(&sql, type, ROLE_RARE);
        define(db, type->renew_by, &sql, "");
    }
    for (const struct row_select *at = type->selects; at->condition != NULL; at++) {
        buf_text(&sql, "SELECT ");
        names(&sql, type->columns, -1, "", "", ", ");
        buf_format(&sql, " FROM %s WHERE %s", type->name, at->condition);
        define(db, at->statement, &sql, at->types);
    }
    buf_free(&sql);
}
