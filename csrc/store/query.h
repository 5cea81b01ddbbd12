/* Statements that are run, and the rows that they give.
 *
 * A statement is prepared when it is first asked by its number, and kept until the database is
 * closed. What bytes name must stay until the statement has run, or its query has ended.
 *
 *     struct query *query = db_query(db, STATEMENT_SUBSCRIBERS, id);
 *     while (query_next(query))
 *         ... query_integer(query, 0) ...
 *     query_end(query);
 *
 * Every query is ended before its statement is asked again. NULL, after an error, has no rows. */
#ifndef STORE_QUERY_H
#define STORE_QUERY_H

#include "base/numbers.h"
#include "store/statement.h"

#include <stdarg.h>

struct db;
struct query;

enum column_type { COLUMN_NULL, COLUMN_INTEGER, COLUMN_TEXT, COLUMN_BLOB };

bool query_next(struct query *query);
void query_end(struct query *query);
bool query_null(struct query *query, int column);
int64_t query_integer(struct query *query, int column);
struct bytes query_bytes(struct query *query, int column); /* borrowed until the next row */

/* Adds the first column of the rows, which ascends, of so many at the most, and ends the query. */
void query_numbers(struct query *query, size_t most, struct number_list *numbers);

int query_columns(struct query *query);
const char *query_column_name(struct query *query, int column);
enum column_type query_column_type(struct query *query, int column);

/* A statement whose arguments are set one by one, counted from 1; NULL after an error. Then it is
   run. Texts are copied, bytes are lent until it has run. */
struct query *query_start(struct db *db, enum statement statement);
void query_set_null(struct query *query, int at);
void query_set_integer(struct query *query, int at, int64_t value);
void query_set_text(struct query *query, int at, const char *text);
void query_set_bytes(struct query *query, int at, struct bytes bytes, bool as_text);
void query_run(struct query *query); /* it gives no rows */

/* Gives a statement that the table has no text of its text in this database, which is copied, and
   its types, which stay. Once. */
void query_define(struct db *db, enum statement statement, const char *sql, const char *types);

/* For db.c and open.c. The statement with its arguments; NULL after an error, this one's or one
   before. One from its text goes when the query is ended. */
struct query *query_bind(struct db *db, enum statement statement, va_list *arguments);
struct query *query_bind_text(
    struct db *db, const char *sql, const char *types, va_list *arguments);
void query_free_all(struct db *db);

#endif
