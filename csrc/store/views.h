/* The views of a Moonvat database: its tables as people read them. Listings, the dump and the
 * audit read them, and so can any SQLite shell, for they use no function of ours.
 *
 * show_* has one row for each thing: numbers of vats, objects and promises as the words that they
 * have everywhere ("v3", "ko20"); `number` is the key without the letters, by which a row is found
 * fast; what is called is_... is 0 or 1. audit_* is what the audit compares; each row of
 * audit_problem is a sentence that says what breaks a rule.
 *
 * They are part of the format: a view that changes makes a new one. A file with others of these
 * names is damaged, as what it would show is made up. */
#ifndef STORE_VIEWS_H
#define STORE_VIEWS_H

#include "store/db.h"

/* Before tables change, for what a view names cannot go; and when they are those of today. One
   that is gone from here is dropped by a migration. */
void views_drop(struct db *db);
void views_make(struct db *db);
/* Whether the file has all of them, each as it is made here. */
bool views_are_whole(struct db *db);

#endif
