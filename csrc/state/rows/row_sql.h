/* The statements of a noun, written from its columns: one that writes a row, one that erases it,
 * those that write what changes and what rarely does, when these are apart, and its selections. */
#ifndef STATE_ROWS_ROW_SQL_H
#define STATE_ROWS_ROW_SQL_H

struct db;
struct row_type;

/* Once for each open database. */
void row_sql_define(struct db *db, const struct row_type *type);

#endif
