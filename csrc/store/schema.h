/* The tables of a Moonvat database, as SQL, and the numbers by which a file is known as one. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "base/buf.h"
#include "store/db.h"

#define SCHEMA_APPLICATION_ID 0x6d6f6f6e /* "moon" */
#define SCHEMA_VERSION 4

/* Appends what the file is, and what to do, when it cannot be used in its mode. */
void schema_check(struct db *db, struct buf *why);
/* Brings a file that can be used up to date. */
void schema_migrate(struct db *db);

#endif
