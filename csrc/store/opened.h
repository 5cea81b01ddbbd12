/* The name under which a database was last opened for writing, which the database itself keeps.
 *
 * Its log and its note lie beside that name. A file with a second name (a hard link) that is
 * opened by it after a kill would miss what the log has, and go on from before: so it is refused,
 * with the name that would do, while that still leads to the file and has a log or a note. The
 * name is kept in the file and not in its log, so that it can be read without the log. */
#ifndef STORE_OPENED_H
#define STORE_OPENED_H

#include "store/db.h"

/* Of the database behind path, whose real name is name, before anything else is read of it: the
   reason in *why when it must be opened by its other name. */
void opened_check(const char *path, const char *name, struct buf *why);
/* Keeps this name, when it is another one than it was. No transaction is open. */
void opened_note(struct db *db, const char *name);

#endif
