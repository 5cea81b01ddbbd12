/* What an open database is, for the files of this folder. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "store/db.h"
#include "store/lock.h"
#include "store/still.h"

#include <sqlite3.h>

#define STATEMENTS_MAX 256 /* slots of the statement cache; more than there are statements */

struct query {
    struct db *db;
    const char *sql; /* by whose address it is found; NULL: a free slot */
    sqlite3_stmt *statement;
};

struct db {
    sqlite3 *connection;
    char *path;
    struct lock lock;
    struct still still; /* for a reader in a folder where it may not write */
    enum db_mode mode;
    bool opened; /* as one of ours: queries may begin a transaction */
    bool in_transaction;
    bool changed; /* in this transaction */
    char *error;  /* the first one */
    struct query statements[STATEMENTS_MAX];
};

#endif
