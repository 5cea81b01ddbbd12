/* What an open database is, for the files of this folder. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "store/db.h"
#include "store/lock.h"
#include "store/statement.h"
#include "store/still.h"

#include <sqlite3.h>

struct query {
    struct db *db;
    char *sql; /* its text in this database; NULL: as the table of statements has it */
    const char *types;
    sqlite3_stmt *statement; /* NULL: not prepared yet */
    bool once;               /* has no number: it goes when it is ended */
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
    struct query statements[STATEMENT_END];
};

#endif
