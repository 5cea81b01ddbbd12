#include "store/schema.h"

#include "store/query.h"
#include "store/views.h"

#include <stdio.h>

/* The statements that take a database from version n to n + 1; n counts from 0. */
static const char *const migrations[SCHEMA_VERSION] = {
    /* 0 to 1 */
    "CREATE TABLE meta ("
    "  name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO meta VALUES ('vat', 0), ('cluster', 0), ('object', 0), ('promise', 0),"
    "  ('seq', 0), ('crank', 0);"
    "CREATE TABLE setting ("
    "  name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE cluster (id INTEGER PRIMARY KEY, bootstrap TEXT) STRICT;"
    "CREATE TABLE vat ("
    "  id INTEGER PRIMARY KEY, cluster INTEGER, name TEXT NOT NULL, bundle TEXT NOT NULL,"
    "  parameters BLOB NOT NULL, parameter_slots TEXT NOT NULL,"
    "  transcript INTEGER NOT NULL, time_limit_us INTEGER NOT NULL,"
    "  instruction_budget INTEGER NOT NULL, memory_limit INTEGER NOT NULL,"
    "  on_fault TEXT NOT NULL, critical INTEGER NOT NULL, reap_interval INTEGER NOT NULL,"
    "  vatstore TEXT NOT NULL, snapshot_interval INTEGER NOT NULL,"
    "  ended_well INTEGER NOT NULL DEFAULT 0, cleaned INTEGER NOT NULL DEFAULT 0,"
    "  state TEXT NOT NULL, incarnation INTEGER NOT NULL, deliveries INTEGER NOT NULL,"
    "  since_reap INTEGER NOT NULL,"
    "  position INTEGER NOT NULL, fault TEXT,"
    "  next_object INTEGER NOT NULL, next_promise INTEGER NOT NULL,"
    "  object_mark INTEGER NOT NULL, promise_mark INTEGER NOT NULL) STRICT;"
    "CREATE INDEX vat_name ON vat (name);"
    "CREATE TABLE object ("
    "  id INTEGER PRIMARY KEY, owner INTEGER, interface TEXT NOT NULL,"
    "  reachable INTEGER NOT NULL, recognizable INTEGER NOT NULL,"
    "  revoked INTEGER NOT NULL, subject INTEGER NOT NULL) STRICT;"
    "CREATE INDEX object_unreached ON object (id) WHERE reachable = 0;"
    "CREATE TABLE promise ("
    "  id INTEGER PRIMARY KEY, state TEXT NOT NULL, decider INTEGER, follows INTEGER,"
    "  refcount INTEGER NOT NULL, body BLOB, slots TEXT) STRICT;"
    "CREATE INDEX promise_decider ON promise (decider) WHERE decider IS NOT NULL;"
    "CREATE INDEX promise_follows ON promise (follows) WHERE follows IS NOT NULL;"
    "CREATE TABLE subscriber ("
    "  promise INTEGER NOT NULL, vat INTEGER NOT NULL,"
    "  PRIMARY KEY (promise, vat)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE clist ("
    "  vat INTEGER NOT NULL, vref TEXT NOT NULL, kref TEXT NOT NULL, reachable INTEGER NOT NULL,"
    "  PRIMARY KEY (vat, vref)) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX clist_kref ON clist (kref, vat);"
    "CREATE TABLE queue ("
    "  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, method TEXT,"
    "  body BLOB, slots TEXT, result TEXT, vat INTEGER, attempt INTEGER NOT NULL,"
    "  on_promise INTEGER, on_vat INTEGER, on_service INTEGER, on_end INTEGER,"
    "  cause_crank INTEGER NOT NULL, cause_syscall INTEGER NOT NULL,"
    "  CHECK ((on_promise IS NOT NULL) + (on_vat IS NOT NULL) + (on_service IS NOT NULL)"
    "    + (on_end IS NOT NULL) <= 1)) STRICT;"
    "CREATE INDEX queue_promise ON queue (on_promise) WHERE on_promise IS NOT NULL;"
    "CREATE INDEX queue_vat ON queue (on_vat) WHERE on_vat IS NOT NULL;"
    "CREATE INDEX queue_service ON queue (on_service) WHERE on_service IS NOT NULL;"
    "CREATE INDEX queue_end ON queue (on_end) WHERE on_end IS NOT NULL;"
    "CREATE TABLE service (name TEXT NOT NULL PRIMARY KEY, object INTEGER NOT NULL)"
    "  STRICT, WITHOUT ROWID;"
    "CREATE TABLE hold ("
    "  kind TEXT NOT NULL, vat INTEGER NOT NULL, kref TEXT NOT NULL, count INTEGER NOT NULL,"
    "  PRIMARY KEY (kind, vat, kref)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE vatstore ("
    "  vat INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
    "  PRIMARY KEY (vat, key)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE durable ("
    "  vat INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, slots TEXT NOT NULL,"
    "  PRIMARY KEY (vat, key)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE transcript ("
    "  vat INTEGER NOT NULL, position INTEGER NOT NULL, incarnation INTEGER NOT NULL,"
    "  count INTEGER NOT NULL, entries BLOB NOT NULL, before BLOB NOT NULL,"
    "  PRIMARY KEY (vat, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE bundle_name ("
    "  name TEXT NOT NULL PRIMARY KEY, sha256 TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE bundle ("
    "  sha256 TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, modules INTEGER NOT NULL,"
    "  source BLOB NOT NULL) STRICT, WITHOUT ROWID;",
    /* 1 to 2: images of heaps; opening reads no vat and no root that needs no work; messages on
       their way to a promise are found by it */
    "CREATE TABLE image ("
    "  vat INTEGER PRIMARY KEY, incarnation INTEGER NOT NULL, position INTEGER NOT NULL,"
    "  build TEXT NOT NULL, base INTEGER NOT NULL, length INTEGER NOT NULL,"
    "  hash TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;"
    "CREATE INDEX vat_untold ON vat (id) WHERE transcript = 0 AND state <> 'terminated';"
    "CREATE INDEX vat_ending ON vat (id) WHERE state = 'terminated' AND NOT cleaned;"
    "CREATE INDEX vat_reap ON vat (id) WHERE state = 'running' AND reap_interval > 0"
    "  AND since_reap >= reap_interval;"
    "CREATE INDEX vat_bundle ON vat (bundle);"
    "ALTER TABLE object ADD COLUMN root INTEGER NOT NULL DEFAULT 0;"
    "UPDATE object SET root = 1 WHERE id IN (SELECT cast(substr(kref, 3) AS INTEGER) FROM clist"
    "  JOIN vat ON vat.id = clist.vat WHERE vref = 'o+0' AND state <> 'terminated');"
    "DROP INDEX object_unreached;"
    "CREATE INDEX object_unreached ON object (id) WHERE reachable = 0 AND NOT root;"
    "CREATE INDEX object_subject ON object (subject) WHERE subject > 0;"
    "ALTER TABLE queue ADD COLUMN line INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX queue_to_promise ON queue (target)"
    "  WHERE target >= 'kp' AND kind = 'message' AND on_promise IS NULL;",
    /* 2 to 3: the views, which are made when all tables are those of today */
    "",
    /* 3 to 4: the name under which it was last opened */
    "CREATE TABLE opened (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL) STRICT;",
};

static int64_t
number(struct db *db, const char *sql)
{
    struct query *query = db_query_text(db, sql, "");
    int64_t value = query_next(query) ? query_integer(query, 0) : 0;
    query_end(query);
    return value;
}

void
schema_check(struct db *db, struct buf *why)
{
    int64_t tables = number(db, "SELECT count(*) FROM sqlite_schema");
    int64_t application = number(db, "PRAGMA application_id");
    int64_t version = number(db, "PRAGMA user_version");
    bool whole = version != SCHEMA_VERSION || views_are_whole(db);
    const char *path = db_path(db);
    if (db_error(db) != NULL)
        buf_text(why, db_error(db));
    else if (tables == 0 && application == 0 && version == 0 && db_is_writable(db))
        return;
    else if (tables == 0 && application == 0 && version == 0)
        buf_format(why, "%s: empty, and no database yet: open it for writing to make it one", path);
    else if (application != SCHEMA_APPLICATION_ID)
        buf_format(why, "%s: not a Moonvat database (it belongs to another program)", path);
    else if (version > SCHEMA_VERSION)
        buf_format(why,
            "%s was written by a newer Moonvat (format %lld; this program knows up to %d): "
            "use that version, or a copy from before",
            path, (long long)version, SCHEMA_VERSION);
    else if (version < SCHEMA_VERSION && !db_is_writable(db))
        buf_format(why,
            "%s was written by an older Moonvat (format %lld, now %d): open it for writing once, "
            "which brings it up to date",
            path, (long long)version, SCHEMA_VERSION);
    else if (!whole)
        buf_format(why,
            "%s is damaged: its views are not those of its format; use a copy from before", path);
}

void
schema_migrate(struct db *db)
{
    int64_t version = number(db, "PRAGMA user_version");
    if (version >= SCHEMA_VERSION || version < 0)
        return;
    db_begin(db);
    views_drop(db);
    for (; version < SCHEMA_VERSION; version++)
        db_execute(db, migrations[version]);
    views_make(db);
    char text[96];
    snprintf(text, sizeof text, "PRAGMA application_id = %d; PRAGMA user_version = %d",
        SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
    db_execute(db, text);
    db_commit(db);
}
