#include "store/statement.h"

#include <assert.h>
#include <stddef.h>

struct statement_text {
    const char *types, *sql;
};

static const struct statement_text texts[STATEMENT_END] = {
    [STATEMENT_SUBSCRIBER_ADD] = {"ii", "INSERT INTO subscriber VALUES (?, ?)"},
    [STATEMENT_SUBSCRIBER_ERASE] = {"ii", "DELETE FROM subscriber WHERE promise = ? AND vat = ?"},
    [STATEMENT_SUBSCRIBER_ERASE_ALL] = {"i", "DELETE FROM subscriber WHERE promise = ?"},
    [STATEMENT_VATSTORE_SET] = {"ibb", "INSERT OR REPLACE INTO vatstore VALUES (?, ?, ?)"},
    [STATEMENT_VATSTORE_ERASE] = {"ib", "DELETE FROM vatstore WHERE vat = ? AND key = ?"},
    [STATEMENT_VATSTORE_ERASE_SOME] = {"ii",
        "DELETE FROM vatstore WHERE vat = ?1 AND key IN (SELECT key FROM vatstore WHERE vat = ?1"
        " ORDER BY key LIMIT ?2)"},
    [STATEMENT_DURABLE_SET] = {"ibbs", "INSERT OR REPLACE INTO durable VALUES (?, ?, ?, ?)"},
    [STATEMENT_DURABLE_ERASE] = {"ib", "DELETE FROM durable WHERE vat = ? AND key = ?"},
    [STATEMENT_DURABLE_ERASE_SOME] = {"ii",
        "DELETE FROM durable WHERE vat = ?1 AND key IN (SELECT key FROM durable WHERE vat = ?1"
        " ORDER BY key LIMIT ?2)"},
    [STATEMENT_TRANSCRIPT_ADD] = {"iiiibb", "INSERT INTO transcript VALUES (?, ?, ?, ?, ?, ?)"},
    [STATEMENT_TRANSCRIPT_ERASE_SOME] = {"ii",
        "DELETE FROM transcript WHERE vat = ?1 AND position IN (SELECT position FROM transcript"
        " WHERE vat = ?1 ORDER BY position LIMIT ?2)"},
    [STATEMENT_TRANSCRIPT_PRUNE] = {"ii",
        "DELETE FROM transcript WHERE vat = ? AND position + count <= ?"},
    [STATEMENT_IMAGE_SET] = {"iiisiisb",
        "INSERT OR REPLACE INTO image VALUES (?, ?, ?, ?, ?, ?, ?, ?)"},
    [STATEMENT_IMAGE_ERASE] = {"i", "DELETE FROM image WHERE vat = ?"},
    [STATEMENT_COUNTER_SET] = {"ti", "INSERT OR REPLACE INTO meta VALUES (?, ?)"},
    [STATEMENT_SETTING_SET] = {"tt", "INSERT OR REPLACE INTO setting VALUES (?, ?)"},
    [STATEMENT_SETTING_ERASE] = {"t", "DELETE FROM setting WHERE name = ?"},
    [STATEMENT_CLUSTER_ADD] = {"it", "INSERT INTO cluster VALUES (?, ?)"},
    [STATEMENT_CLUSTER_ERASE] = {"i", "DELETE FROM cluster WHERE id = ?"},
    [STATEMENT_SERVICE_ADD] = {"ti", "INSERT INTO service VALUES (?, ?)"},
    [STATEMENT_BUNDLE_ADD] = {"ssib", "INSERT OR IGNORE INTO bundle VALUES (?, ?, ?, ?)"},
    [STATEMENT_BUNDLE_SWEEP] = {"",
        "DELETE FROM bundle WHERE NOT EXISTS (SELECT 1 FROM vat WHERE vat.bundle = sha256 AND"
        " state <> 'terminated') AND sha256 NOT IN (SELECT sha256 FROM bundle_name) AND sha256"
        " NOT IN (SELECT method FROM queue WHERE kind = 'upgrade')"},
    [STATEMENT_BUNDLE_NAME_SET] = {"ss", "INSERT OR REPLACE INTO bundle_name VALUES (?, ?)"},

    [STATEMENT_OPENED_SET] = {"t", "INSERT OR REPLACE INTO opened VALUES (1, ?)"},
    [STATEMENT_BEGIN] = {"", "BEGIN"},
    [STATEMENT_BEGIN_WRITING] = {"", "BEGIN IMMEDIATE"},
    [STATEMENT_COMMIT] = {"", "COMMIT"},
    [STATEMENT_MEASURE] = {"i", "INSERT OR REPLACE INTO t VALUES (?, zeroblob(100))"},

    [STATEMENT_LIST_VATS] = {"",
        "SELECT id, name, cluster, state, incarnation, deliveries, fault FROM show_vat WHERE NOT"
        " is_cleaned ORDER BY number"},
    [STATEMENT_LIST_CLUSTERS] = {"",
        "SELECT id, bootstrap, vats FROM show_cluster ORDER BY number"},
    [STATEMENT_LIST_OBJECTS] = {"",
        "SELECT kref, owner, interface, reachable, recognizable, is_revoked FROM show_object"
        " ORDER BY number"},
    [STATEMENT_LIST_PROMISES] = {"",
        "SELECT kref, state, decider, refcount, follows, subscribers, parked FROM show_promise"
        " ORDER BY number"},
    [STATEMENT_LIST_QUEUE] = {"",
        "SELECT seq, kind, target, nullif(method, '') AS method, vat, parked, result FROM"
        " show_queue ORDER BY seq"},
    [STATEMENT_LIST_BUNDLES] = {"",
        "SELECT sha256, name, installed, modules FROM show_bundle ORDER BY sha256"},
    [STATEMENT_LIST_IMAGES] = {"",
        "SELECT vat, incarnation, position, length, stored, build, hash FROM show_image ORDER BY"
        " number"},
    [STATEMENT_LIST_STATS] = {"", "SELECT name, value FROM show_stat ORDER BY name"},
    [STATEMENT_LIST_CLIST] = {"i",
        "SELECT vref, kref, is_reachable FROM show_clist WHERE number = ? ORDER BY substr(kref,"
        " 1, 2), length(kref), kref"},
    [STATEMENT_LIST_VATSTORE] = {"i",
        "SELECT key, value FROM show_vatstore WHERE number = ? ORDER BY key"},
    [STATEMENT_SHOW_OBJECT] = {"i",
        "SELECT kref, owner, interface, reachable, recognizable, is_revoked FROM show_object"
        " WHERE number = ?"},
    [STATEMENT_SHOW_PROMISE] = {"i",
        "SELECT kref, state, decider, refcount, follows FROM show_promise WHERE number = ?"},

    [STATEMENT_DUMP_COUNTERS] = {"",
        "SELECT name, value FROM show_counter WHERE name NOT IN ('crank', 'look', 'opening',"
        " 'turn') ORDER BY name"},
    [STATEMENT_DUMP_VATS] = {"",
        "SELECT id, name, cluster, state, incarnation, bundle, next_object, next_promise,"
        " object_mark, promise_mark, parameters AS body, parameter_slots FROM show_vat ORDER BY"
        " number"},
    [STATEMENT_DUMP_CLISTS] = {"",
        "SELECT vat, vref, kref, is_reachable FROM show_clist ORDER BY number, substr(vref, 1,"
        " 2), length(vref), vref"},
    [STATEMENT_DUMP_QUEUE] = {"",
        "SELECT seq, kind, target, method, result, told, attempt, line, on_promise, on_vat,"
        " on_service, on_end, body, slots FROM show_queue ORDER BY seq"},
    [STATEMENT_DUMP_HOLDS] = {"",
        "SELECT kind, vat, kref, count FROM show_hold WHERE kind <> 'host' ORDER BY kind,"
        " number, kref"},
    [STATEMENT_DUMP_VATSTORE] = {"",
        "SELECT vat, key, value FROM show_vatstore ORDER BY number, key"},
    [STATEMENT_DUMP_DURABLE] = {"",
        "SELECT vat, key, value AS body, slots FROM show_durable ORDER BY number, key"},
    [STATEMENT_DUMP_BUNDLES] = {"",
        "SELECT sha256, name, modules FROM show_bundle ORDER BY sha256"},
    [STATEMENT_DUMP_OBJECTS] = {"",
        "SELECT kref, coalesce(owner, 'nobody'), interface, is_revoked, is_orphan FROM"
        " show_object ORDER BY number"},
    [STATEMENT_DUMP_PROMISES] = {"",
        "SELECT kref, state, decider, follows, subscriber_list, body, slots FROM show_promise"
        " ORDER BY number"},

    [STATEMENT_AUDIT_COUNTS] = {"", "SELECT kref, reachable, recognizable FROM audit_count"},
    [STATEMENT_AUDIT_SENT] = {"", "SELECT target FROM audit_sent"},
    [STATEMENT_AUDIT_PROBLEMS] = {"", "SELECT problem FROM audit_problem"},
    [STATEMENT_WALK_CLISTS] = {"", "SELECT vat, vref, kref, reachable FROM clist"},
    [STATEMENT_WALK_QUEUE] = {"",
        "SELECT seq, parked, target, result, slots FROM show_queue ORDER BY seq"},
    [STATEMENT_WALK_PROMISES] = {"",
        "SELECT number, slots, follows FROM show_promise ORDER BY number"},
    [STATEMENT_WALK_PROMISE] = {"i",
        "SELECT number, slots, follows FROM show_promise WHERE number = ?"},
    [STATEMENT_WALK_HOLDS] = {"", "SELECT kind, vat, kref, count FROM hold"},

    [STATEMENT_CLIST_KREF] = {"it", "SELECT kref FROM clist WHERE vat = ? AND vref = ?"},
    [STATEMENT_CLIST_VREFS] = {"i", "SELECT vref FROM clist WHERE vat = ? ORDER BY vref"},
    [STATEMENT_SUBSCRIBERS] = {"i", "SELECT vat FROM subscriber WHERE promise = ? ORDER BY vat"},
    [STATEMENT_PROMISES_FOLLOWING] = {"i", "SELECT id FROM promise WHERE follows = ? ORDER BY id"},
    [STATEMENT_PROMISES_DECIDED] = {"i", "SELECT id FROM promise WHERE decider = ? ORDER BY id"},
    [STATEMENT_PROMISES_HOLDING] = {"",
        "SELECT id FROM promise WHERE slots LIKE '%kp%' ORDER BY id"},
    [STATEMENT_QUEUE_COUNT_TO_PROMISE] = {"t",
        "SELECT count(*) FROM queue WHERE target = ? AND target >= 'kp' AND kind = 'message' AND"
        " on_promise IS NULL"},
    [STATEMENT_QUEUE_CALLS] = {"",
        "SELECT seq FROM queue WHERE on_service IS NOT NULL ORDER BY +seq"},
    [STATEMENT_QUEUE_WAITING_FOR_END] = {"i",
        "SELECT seq FROM queue WHERE on_end = ? ORDER BY seq"},
    [STATEMENT_HOLDS_LEFT_OVER] = {"ii",
        "SELECT vat, kref, count FROM hold WHERE kind = 'host' AND vat < ? ORDER BY vat, kref"
        " LIMIT ?"},
    [STATEMENT_OBJECTS_UNREACHED] = {"",
        "SELECT id FROM object WHERE reachable = 0 AND NOT root ORDER BY id"},
    [STATEMENT_OBJECT_OF_SUBJECT] = {"i", "SELECT 1 FROM object WHERE subject = ? AND subject > 0"},
    [STATEMENT_SUSPECTS] = {"i",
        "WITH suspect AS (SELECT o.id, o.owner, e.vref FROM object o JOIN vat v ON v.id = o.owner"
        " JOIN clist e ON e.kref = 'ko' || o.id AND e.vat = o.owner WHERE o.reachable > 0"
        " AND v.state = 'running' AND e.reachable AND e.vref GLOB 'o+[1-9]*'"
        " AND o.reachable = (SELECT count(*) FROM clist i JOIN vat w ON w.id = i.vat"
        " WHERE i.kref = 'ko' || o.id AND i.vref GLOB 'o-*' AND i.reachable"
        " AND w.state = 'running') ORDER BY o.id LIMIT ?)"
        "SELECT 'ko' || s.id, s.owner, s.vref, i.vat, i.vref FROM suspect s"
        " JOIN clist i ON i.kref = 'ko' || s.id AND i.vref GLOB 'o-*' ORDER BY s.id, i.vat"},

    [STATEMENT_VATS_NAMED] = {"si", "SELECT id FROM vat WHERE name = ?1 AND state <> 'terminated'"
                                    " AND (?2 = 0 OR cluster = ?2) ORDER BY id LIMIT 2"},
    [STATEMENT_VATS_TO_REBUILD] = {"",
        "SELECT id FROM vat WHERE transcript = 0 AND state <> 'terminated' ORDER BY id"},
    [STATEMENT_VATS_WITH_IMAGES] = {"",
        "SELECT id FROM vat WHERE transcript = 1 AND snapshot_interval > 0 AND state IN"
        " ('running', 'suspended') ORDER BY id"},
    [STATEMENT_VATS_DELIVERED] = {"",
        "SELECT id FROM vat WHERE state = 'running' AND since_reap > 0 ORDER BY id"},
    [STATEMENT_VATS_TO_REAP] = {"",
        "SELECT id FROM vat WHERE state = 'running' AND reap_interval > 0 AND since_reap >="
        " reap_interval ORDER BY id"},
    [STATEMENT_VATS_ENDING] = {"",
        "SELECT id FROM vat WHERE state = 'terminated' AND NOT cleaned ORDER BY id"},
    [STATEMENT_VATSTORE_FROM] = {"ib",
        "SELECT key, value, '' FROM vatstore WHERE vat = ? AND key >= ? ORDER BY key"},
    [STATEMENT_VATSTORE_VALUE] = {"ib", "SELECT value, '' FROM vatstore WHERE vat = ? AND key = ?"},
    [STATEMENT_DURABLE_FROM] = {"ib",
        "SELECT key, value, slots FROM durable WHERE vat = ? AND key >= ? ORDER BY key"},
    [STATEMENT_DURABLE_VALUE] = {"ib",
        "SELECT value, slots FROM durable WHERE vat = ? AND key = ?"},
    [STATEMENT_TRANSCRIPT] = {"iii",
        "SELECT position, entries FROM transcript WHERE vat = ? AND position >= ? AND"
        " incarnation = ? ORDER BY position"},
    [STATEMENT_TRANSCRIPT_BACK] = {"iii",
        "SELECT before FROM transcript WHERE vat = ? AND position >= ? AND incarnation = ? ORDER"
        " BY position DESC"},
    [STATEMENT_TRANSCRIPT_COUNT] = {"ii",
        "SELECT coalesce(sum(count), 0) FROM transcript WHERE vat = ? AND position + count <= ?"},
    [STATEMENT_IMAGE] = {"i",
        "SELECT incarnation, position, base, length, build, hash, bytes FROM image WHERE vat = ?"},
    [STATEMENT_SETTING] = {"t", "SELECT value FROM setting WHERE name = ?"},
    [STATEMENT_SETTINGS_FROM] = {"t",
        "SELECT name, value FROM setting WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name"},
    [STATEMENT_COUNTERS] = {"", "SELECT name, value FROM meta"},
    [STATEMENT_CLUSTER_VATS] = {"i",
        "SELECT id FROM vat WHERE cluster = ? AND state <> 'terminated' ORDER BY id"},
    [STATEMENT_SERVICE] = {"t", "SELECT object FROM service WHERE name = ?"},
    [STATEMENT_BUNDLE_SOURCE] = {"s", "SELECT source FROM bundle WHERE sha256 = ?"},
    [STATEMENT_BUNDLE_NAMED] = {"s", "SELECT sha256 FROM bundle_name WHERE name = ?"},
    [STATEMENT_VAT_LAST] = {"", "SELECT max(id) FROM vat"},
    [STATEMENT_CLUSTER_LAST] = {"", "SELECT max(id) FROM cluster"},
    [STATEMENT_OBJECT_LAST] = {"", "SELECT max(id) FROM object"},
    [STATEMENT_PROMISE_LAST] = {"", "SELECT max(id) FROM promise"},
    [STATEMENT_QUEUE_LAST] = {"", "SELECT max(seq) FROM queue"},
    [STATEMENT_OPENED] = {"", "SELECT name FROM opened"},
};

const char *
statement_text(enum statement statement)
{
    assert(statement < STATEMENT_END);
    return texts[statement].sql;
}

const char *
statement_types(enum statement statement)
{
    assert(statement < STATEMENT_END);
    return texts[statement].types;
}
