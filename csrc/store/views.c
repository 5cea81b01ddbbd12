#include "store/views.h"

#include "base/buf.h"
#include "store/query.h"

#include <assert.h>

struct view {
    const char *name;
    const char *select;
};

#define VIEW_COUNT (sizeof views / sizeof *views)

static const struct view views[] = {
    {"show_counter", "SELECT name, value FROM meta"},
    {"show_vat", "SELECT id AS number, 'v' || id AS id, name, 's' || cluster AS cluster, state,"
                 " incarnation, deliveries, fault, cleaned AS is_cleaned, bundle, parameters,"
                 " parameter_slots, next_object, next_promise, object_mark, promise_mark FROM vat"},
    {"show_cluster", "SELECT id AS number, 's' || id AS id, bootstrap, (SELECT count(*) FROM vat"
                     " WHERE cluster = cluster.id AND state <> 'terminated') AS vats FROM cluster"},
    {"show_object",
        "SELECT id AS number, 'ko' || id AS kref, iif(owner < 0, 'host', 'v' || owner) AS owner,"
        " interface, reachable, recognizable, revoked AS is_revoked, NOT EXISTS (SELECT 1 FROM vat"
        " WHERE vat.id = object.owner AND vat.state <> 'terminated') AS is_orphan FROM object"},
    {"show_promise",
        "SELECT id AS number, 'kp' || id AS kref, state,"
        " CASE WHEN decider < 0 THEN 'kernel' ELSE 'v' || decider END AS decider, refcount,"
        " 'kp' || follows AS follows,"
        " (SELECT count(*) FROM subscriber WHERE promise = promise.id) AS subscribers,"
        " (SELECT count(*) FROM queue WHERE on_promise = promise.id) AS parked,"
        " (SELECT group_concat('v' || vat, ',') FROM subscriber WHERE promise = promise.id)"
        " AS subscriber_list, body, slots FROM promise"},
    {"show_queue",
        "SELECT seq, kind, target, method, 'v' || coalesce(iif(kind = 'message', NULL, vat),"
        " (SELECT owner FROM object WHERE target LIKE 'ko%' AND owner > 0"
        " AND id = cast(substr(target, 3) AS INTEGER))) AS vat,"
        " coalesce('kp' || on_promise, 'v' || on_vat, 'ko' || on_service, 'v' || on_end) AS parked,"
        " result, 'v' || vat AS told, attempt, line, 'kp' || on_promise AS on_promise,"
        " 'v' || on_vat AS on_vat, 'ko' || on_service AS on_service, 'v' || on_end AS on_end, body,"
        " slots FROM queue"},
    {"show_clist", "SELECT vat AS number, 'v' || vat AS vat, vref, kref,"
                   " reachable AS is_reachable FROM clist"},
    {"show_hold", "SELECT vat AS number, kind, 'v' || vat AS vat, kref, count FROM hold"},
    {"show_vatstore", "SELECT vat AS number, 'v' || vat AS vat, key, value FROM vatstore"},
    {"show_durable", "SELECT vat AS number, 'v' || vat AS vat, key, value, slots FROM durable"},
    {"show_bundle",
        "SELECT sha256, name, (SELECT group_concat(name, ', ') FROM (SELECT bundle_name.name"
        " FROM bundle_name WHERE bundle_name.sha256 = bundle.sha256 ORDER BY 1)) AS installed,"
        " modules FROM bundle"},
    {"show_image", "SELECT vat AS number, 'v' || vat AS vat, incarnation, position, length,"
                   " length(bytes) AS stored, build, hash FROM image"},
    {"show_stat", "SELECT 'bundles' AS name, count(*) AS value FROM bundle"
                  " UNION ALL SELECT 'clists', count(*) FROM clist"
                  " UNION ALL SELECT 'clusters', count(*) FROM cluster"
                  " UNION ALL SELECT 'cranks', value FROM meta WHERE name = 'crank'"
                  " UNION ALL SELECT 'deliveries', coalesce(sum(deliveries), 0) FROM vat"
                  " UNION ALL SELECT 'images', count(*) FROM image"
                  " UNION ALL SELECT 'image_bytes', coalesce(sum(length(bytes)), 0) FROM image"
                  " UNION ALL SELECT 'objects', count(*) FROM object"
                  " UNION ALL SELECT 'promises', count(*) FROM promise"
                  " UNION ALL SELECT 'queue', count(*) FROM show_queue WHERE parked IS NULL"
                  " UNION ALL SELECT 'parked', count(*) FROM show_queue WHERE parked IS NOT NULL"
                  " UNION ALL SELECT 'vats', count(*) FROM vat WHERE state <> 'terminated'"},
    /* what the counts of each row are */
    {"audit_count", "SELECT 'ko' || id AS kref, reachable, recognizable FROM object"
                    " UNION ALL SELECT 'kp' || id, refcount, refcount FROM promise"},
    /* messages to promises on their way */
    {"audit_sent", "SELECT target FROM queue WHERE target >= 'kp' AND kind = 'message' AND "
                   "on_promise IS NULL"},
    {"audit_problem",
        "SELECT 'v' || vat || ' ' || vref || ': the vat does not exist or has ended' AS problem"
        " FROM clist c WHERE NOT EXISTS (SELECT 1 FROM vat WHERE id = c.vat AND NOT cleaned)"
        " UNION ALL "
        "SELECT 'ko' || o.id || ': its owner v' || o.owner || ' does not have it in its c-list'"
        " FROM object o JOIN vat v ON v.id = o.owner AND v.state <> 'terminated'"
        " WHERE NOT EXISTS (SELECT 1 FROM clist WHERE kref = 'ko' || o.id AND vat = o.owner"
        " AND vref LIKE 'o+%')"
        " UNION ALL "
        "SELECT c.kref || ': v' || c.vat || ' exports it as ' || c.vref || ' but does not own it'"
        " FROM clist c LEFT JOIN object o ON o.id = cast(substr(c.kref, 3) AS INTEGER)"
        " WHERE c.vref LIKE 'o+%' AND o.owner IS NOT c.vat"
        " UNION ALL "
        "SELECT 'kp' || p.id || ': its decider v' || p.decider || ' does not have it in its c-list'"
        " FROM promise p WHERE p.decider > 0 AND NOT EXISTS"
        " (SELECT 1 FROM clist WHERE kref = 'kp' || p.id AND vat = p.decider)"
        " UNION ALL "
        "SELECT 'kp' || id || ': settled, but has a decider or follows another' FROM promise"
        " WHERE state <> 'unresolved' AND (decider IS NOT NULL OR follows IS NOT NULL)"
        " UNION ALL "
        "SELECT 'kp' || id || ': settled, but without a value' FROM promise"
        " WHERE state <> 'unresolved' AND body IS NULL"
        " UNION ALL "
        "SELECT 'kp' || p.id || ': nobody will settle it' FROM promise p"
        " WHERE state = 'unresolved' AND decider IS NULL AND 'kp' || id NOT IN"
        " (SELECT result FROM queue WHERE result IS NOT NULL)"
        " UNION ALL "
        "SELECT 'kp' || p.id || ': the kernel decides it, but it follows nothing' FROM promise p"
        " WHERE decider < 0 AND follows IS NULL"
        " UNION ALL "
        "SELECT 'kp' || p.id || ': follows a promise that is settled or gone' FROM promise p"
        " LEFT JOIN promise q ON q.id = p.follows"
        " WHERE p.follows IS NOT NULL AND q.state IS NOT 'unresolved'"
        " UNION ALL "
        "SELECT 'kp' || s.promise || ': v' || s.vat || ' subscribes to it but does not know it'"
        " FROM subscriber s WHERE NOT EXISTS"
        " (SELECT 1 FROM clist WHERE kref = 'kp' || s.promise AND vat = s.vat)"
        " UNION ALL "
        "SELECT 'kp' || s.promise || ': has subscribers but is settled or gone' FROM subscriber s"
        " LEFT JOIN promise p ON p.id = s.promise WHERE p.state IS NOT 'unresolved'"
        " UNION ALL "
        "SELECT 'queue ' || q.seq || ': parked on kp' || q.on_promise || ', which is settled, gone"
        " or follows another' FROM queue q LEFT JOIN promise p ON p.id = q.on_promise"
        " WHERE q.on_promise IS NOT NULL AND (p.state IS NOT 'unresolved' OR p.follows IS NOT NULL)"
        " UNION ALL "
        "SELECT 'queue ' || q.seq || ': parked with v' || q.on_vat || ', which takes deliveries or"
        " is gone' FROM queue q LEFT JOIN vat v ON v.id = q.on_vat WHERE q.on_vat IS NOT NULL"
        " AND (v.state IS NULL OR v.state NOT IN ('suspended', 'failed'))"
        " UNION ALL "
        "SELECT 'queue ' || q.seq || ': its result ' || q.result || ' is decided by somebody"
        " already' FROM queue q JOIN promise p ON p.id = cast(substr(q.result, 3) AS INTEGER)"
        " WHERE p.state <> 'unresolved' OR p.decider IS NOT NULL"
        " UNION ALL "
        "SELECT 'queue ' || q.seq || ': a notify of a promise that has not settled' FROM queue q"
        " LEFT JOIN promise p ON p.id = cast(substr(q.target, 3) AS INTEGER)"
        " WHERE q.kind = 'notify' AND p.state IS 'unresolved'"
        " UNION ALL "
        "SELECT 'object ' || id || ': reachable exceeds recognizable, or one is negative'"
        " FROM object WHERE reachable > recognizable OR reachable < 0"
        " UNION ALL "
        "SELECT 'ko' || o.id || ': it is no root of a living vat, but marked as one, or the other"
        " way' FROM object o LEFT JOIN clist c ON c.kref = 'ko' || o.id AND c.vref = 'o+0'"
        " LEFT JOIN vat v ON v.id = c.vat AND v.state <> 'terminated'"
        " WHERE o.root <> (v.id IS NOT NULL)"
        " UNION ALL "
        "SELECT kref || ': held ' || count || ' times by one holder, which cannot be' FROM hold"
        " WHERE count NOT BETWEEN 1 AND 2147483646"
        " UNION ALL "
        "SELECT 'vat ' || v.id || ': its bundle is not in the database' FROM vat v"
        " WHERE v.state <> 'terminated' AND NOT EXISTS"
        " (SELECT 1 FROM bundle WHERE sha256 = v.bundle)"},
};

static void
write_view(struct buf *sql, const struct view *view)
{
    buf_text(sql, "CREATE VIEW ");
    buf_text(sql, view->name);
    buf_text(sql, " AS ");
    buf_text(sql, view->select);
}

void
views_drop(struct db *db)
{
    assert(db_is_writable(db));
    struct buf sql = {0};
    for (size_t i = 0; i < VIEW_COUNT; i++)
        buf_format(&sql, "DROP VIEW IF EXISTS %s;", views[i].name);
    db_execute(db, buf_string(&sql));
    buf_free(&sql);
}

void
views_make(struct db *db)
{
    assert(db_is_writable(db));
    struct buf sql = {0};
    for (size_t i = 0; i < VIEW_COUNT; i++) {
        buf_clear(&sql);
        write_view(&sql, &views[i]);
        db_execute(db, buf_string(&sql));
    }
    buf_free(&sql);
}

/* The file has them in this order, between other things. As SQLite takes no name twice, and none
   but the one that its text gives it, the texts are all there is to compare. */
bool
views_are_whole(struct db *db)
{
    struct buf sql = {0};
    size_t found = 0;
    struct query *query =
        db_query_text(db, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL", "");
    while (found < VIEW_COUNT && query_next(query)) {
        buf_clear(&sql);
        write_view(&sql, &views[found]);
        found += bytes_equal(query_bytes(query, 0), buf_view(&sql));
    }
    query_end(query);
    buf_free(&sql);
    return found == VIEW_COUNT;
}
