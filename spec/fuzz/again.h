/* Databases in memory that are used again, for the targets that open one or two for each input.
 *
 * Such a target tried some ten inputs a second. More than half of the time went into making the tables
 * and preparing the statements: SQLite's parser, under a sanitizer's malloc. So closing a database in
 * memory leaves its connection open, with the tables as they were when the first user closed it and
 * the statements prepared; the next to open one gets that. What SQLite is asked is the same; files
 * are opened and closed as always.
 *
 * Half of what was left was SQLite's memory: each ordered query makes and frees a cache of pages. It
 * is libc's here, not the sanitizer's. SQLite itself is not instrumented, and what it hands out lies
 * mostly within pages or small pieces of its own, whose ends nothing guards anyway; make asan runs
 * the specs with the sanitizer's.
 *
 * What is left, of outcomes and of rows in 100: SQLite's code 25 and 19, libc's 12 and 13, the system
 * 9 and 19, the tracing of comparisons 10 and 7; the rest is spread over instrumented code. By what
 * is done, the audits are over a fifth of a game of outcomes, opening a kernel a sixth, and whole lives
 * of vats, which 1 input in 32 has, over a third of rows.
 *
 * These stand in for SQLite's own functions: the program's come before those of the library. */
#ifndef SPEC_FUZZ_AGAIN_H
#define SPEC_FUZZ_AGAIN_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/hash.h"
#include "fuzz.h"

#define AGAIN_CONNECTIONS 2
#define AGAIN_STATEMENTS 512 /* a power of two, well above what a kernel prepares */

struct again_statement {
    char *sql;
    sqlite3_stmt *statement;
    bool in_use;
};

/* Nothing here is a way through the program that an input should be kept for. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)
#endif

static struct again {
    sqlite3 *db;
    bool in_use;
    struct again_statement statements[AGAIN_STATEMENTS];  /* by their texts */
    struct again_statement *by_address[AGAIN_STATEMENTS]; /* the same, by their statements */
    sqlite3_stmt *restore[64];                            /* what puts the tables back */
    size_t restore_count;
} again_pool[AGAIN_CONNECTIONS];

/* While it is set, closing leaves the tables as they are. */
static bool again_keeps;

void *__libc_malloc(size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

/* Each piece is behind its size. */
#define AGAIN_HEAD 16

static void *
again_sized(char *piece, int size)
{
    if (piece == NULL)
        return NULL;
    memcpy(piece, &size, sizeof size);
    return piece + AGAIN_HEAD;
}

static void *
again_malloc(int size)
{
    return again_sized(__libc_malloc((size_t)size + AGAIN_HEAD), size);
}

static void
again_free(void *memory)
{
    if (memory != NULL)
        __libc_free((char *)memory - AGAIN_HEAD);
}

static void *
again_realloc(void *memory, int size)
{
    return again_sized(
        __libc_realloc((char *)memory - AGAIN_HEAD, (size_t)size + AGAIN_HEAD), size);
}

static int
again_size(void *memory)
{
    int size = 0;
    if (memory != NULL)
        memcpy(&size, (char *)memory - AGAIN_HEAD, sizeof size);
    return size;
}

static int
again_round(int size)
{
    return (size + 7) & ~7;
}

static int
again_start(void *unused)
{
    (void)unused;
    return SQLITE_OK;
}

static void
again_stop(void *unused)
{
    (void)unused;
}

/* Before SQLite is used. */
static void
again_begin(void)
{
    static sqlite3_mem_methods methods = {again_malloc, again_free, again_realloc, again_size,
        again_round, again_start, again_stop, NULL};
    FUZZ_CHECK(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK);
    FUZZ_CHECK(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK);
}

#define AGAIN_REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static struct again *
again_find(const sqlite3 *db)
{
    for (size_t i = 0; i < AGAIN_CONNECTIONS; i++) {
        if (again_pool[i].db == db && db != NULL)
            return &again_pool[i];
    }
    return NULL;
}

static void
again_run(struct again *again, const char *sql)
{
    char *error = NULL;
    if (sqlite3_exec(again->db, sql, NULL, NULL, &error) != SQLITE_OK)
        FUZZ_FAIL("%s: %s", sql, error);
}

static void
again_add(struct again *again, const char *format, const char *table)
{
    char sql[256];
    FUZZ_CHECK(again->restore_count < sizeof again->restore / sizeof *again->restore);
    sqlite3_snprintf(sizeof sql, sql, format, table, table);
    if (sqlite3_prepare_v2(again->db, sql, -1, &again->restore[again->restore_count++], NULL) !=
        SQLITE_OK)
        FUZZ_FAIL("%s: %s", sql, sqlite3_errmsg(again->db));
}

/* Keeps a copy of each table that has rows, and prepares what puts all back. */
static void
again_learn(struct again *again)
{
    char **names = NULL, *error = NULL;
    int count = 0;
    if (sqlite3_get_table(again->db,
            "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            &names, &count, NULL, &error) != SQLITE_OK)
        FUZZ_FAIL("the tables cannot be listed: %s", error);
    for (int i = 1; i <= count; i++) {
        char *sql = sqlite3_mprintf(
            "CREATE TEMP TABLE \"fresh_%w\" AS SELECT * FROM main.\"%w\"", names[i], names[i]);
        again_run(again, sql);
        sqlite3_free(sql);
    }
    for (int i = 1; i <= count; i++) {
        again_add(again, "DELETE FROM main.\"%w\"", names[i]);
        again_add(again, "INSERT INTO main.\"%w\" SELECT * FROM temp.\"fresh_%w\"", names[i]);
    }
    sqlite3_free_table(names);
}

static void
again_restore(struct again *again)
{
    again_run(again, "BEGIN");
    for (size_t i = 0; i < again->restore_count; i++) {
        FUZZ_CHECK(sqlite3_step(again->restore[i]) == SQLITE_DONE);
        sqlite3_reset(again->restore[i]);
    }
    again_run(again, "COMMIT");
}

__attribute__((visibility("default"))) int
sqlite3_open_v2(const char *name, sqlite3 **db, int flags, const char *vfs)
{
    struct again *unused = NULL;
    if (strcmp(name, ":memory:") == 0) {
        for (size_t i = 0; i < AGAIN_CONNECTIONS && unused == NULL; i++) {
            if (!again_pool[i].in_use)
                unused = &again_pool[i];
        }
    }
    if (unused == NULL || unused->db == NULL) {
        int code = AGAIN_REAL(sqlite3_open_v2)(name, db, flags, vfs);
        if (unused == NULL || code != SQLITE_OK)
            return code;
        unused->db = *db;
    }
    unused->in_use = true;
    *db = unused->db;
    return SQLITE_OK;
}

__attribute__((visibility("default"))) int
sqlite3_close(sqlite3 *db)
{
    struct again *again = again_find(db);
    if (again == NULL)
        return AGAIN_REAL(sqlite3_close)(db);
    if (sqlite3_get_autocommit(db) == 0)
        again_run(again, "ROLLBACK");
    if (again->restore_count == 0)
        again_learn(again);
    else if (!again_keeps)
        again_restore(again);
    again->in_use = false;
    return SQLITE_OK;
}

/* Where the statement is, or would be: each game ends all that it prepared, so no search for it. */
static struct again_statement **
again_at(struct again *again, const sqlite3_stmt *statement)
{
    size_t at = (size_t)hash_number((uintptr_t)statement) % AGAIN_STATEMENTS;
    while (again->by_address[at] != NULL && again->by_address[at]->statement != statement)
        at = (at + 1) % AGAIN_STATEMENTS;
    return &again->by_address[at];
}

__attribute__((visibility("default"))) int
sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size, unsigned flags, sqlite3_stmt **statement,
    const char **tail)
{
    struct again *again = again_find(db);
    struct again_statement *place = NULL;
    if (again != NULL && tail == NULL) {
        size_t at = (size_t)hash_bytes(bytes_of(sql)) % AGAIN_STATEMENTS;
        while (again->statements[at].sql != NULL && strcmp(again->statements[at].sql, sql) != 0)
            at = (at + 1) % AGAIN_STATEMENTS;
        place = &again->statements[at];
    }
    if (place == NULL || place->sql == NULL || place->in_use) {
        int code = AGAIN_REAL(sqlite3_prepare_v3)(db, sql, size, flags, statement, tail);
        if (place == NULL || place->in_use || code != SQLITE_OK)
            return code;
        place->sql = strdup(sql);
        place->statement = *statement;
        *again_at(again, *statement) = place;
    }
    place->in_use = true;
    *statement = place->statement;
    return SQLITE_OK;
}

__attribute__((visibility("default"))) int
sqlite3_finalize(sqlite3_stmt *statement)
{
    struct again *again = statement == NULL ? NULL : again_find(sqlite3_db_handle(statement));
    struct again_statement *place = again == NULL ? NULL : *again_at(again, statement);
    if (place != NULL) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
        place->in_use = false;
        return SQLITE_OK;
    }
    return AGAIN_REAL(sqlite3_finalize)(statement);
}

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
