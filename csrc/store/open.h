/* Opening the file of a database: its lock, the connection, the format, the settings of SQLite. */
#ifndef STORE_OPEN_H
#define STORE_OPEN_H

#include "base/buf.h"
#include "store/db.h"

/* Everything that may go wrong in opening; text in *why when it did. Path and mode are set. */
void open_file(struct db *db, struct buf *why);
/* Ends the connection, whatever came of it. */
void open_undo(struct db *db);

#endif
