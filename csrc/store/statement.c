#include "store/statement.h"

#include <assert.h>
#include <stddef.h>

struct text {
    const char *sql, *types;
};

static const struct text texts[STATEMENT_END] = {
    [STATEMENT_LIST_VATS] = {"SELECT id, name, cluster, state, incarnation, deliveries, fault"
                             " FROM show_vat WHERE NOT is_cleaned ORDER BY number",
        ""},
    [STATEMENT_LIST_CLUSTERS] = {"SELECT id, bootstrap, vats FROM show_cluster ORDER BY number",
        ""},
    [STATEMENT_LIST_OBJECTS] = {"SELECT kref, owner, interface, reachable, recognizable, is_revoked"
                                " FROM show_object ORDER BY number",
        ""},
    [STATEMENT_LIST_PROMISES] = {"SELECT kref, state, decider, refcount, follows, subscribers,"
                                 " parked FROM show_promise ORDER BY number",
        ""},
    [STATEMENT_LIST_QUEUE] = {"SELECT seq, kind, target, nullif(method, '') AS method, vat, parked,"
                              " result FROM show_queue ORDER BY seq",
        ""},
    [STATEMENT_LIST_BUNDLES] = {"SELECT sha256, name, installed, modules FROM show_bundle"
                                " ORDER BY sha256",
        ""},
    [STATEMENT_LIST_IMAGES] = {"SELECT vat, incarnation, position, length, stored, build, hash"
                               " FROM show_image ORDER BY number",
        ""},
    [STATEMENT_LIST_STATS] = {"SELECT name, value FROM show_stat ORDER BY name", ""},
    [STATEMENT_LIST_CLIST] = {"SELECT vref, kref, is_reachable FROM show_clist WHERE number = ?"
                              " ORDER BY substr(kref, 1, 2), length(kref), kref",
        "i"},
    [STATEMENT_LIST_VATSTORE] = {"SELECT key, value FROM show_vatstore WHERE number = ?"
                                 " ORDER BY key",
        "i"},
    [STATEMENT_SHOW_OBJECT] = {"SELECT kref, owner, interface, reachable, recognizable, is_revoked"
                               " FROM show_object WHERE number = ?",
        "i"},
    [STATEMENT_SHOW_PROMISE] = {"SELECT kref, state, decider, refcount, follows FROM show_promise"
                                " WHERE number = ?",
        "i"},

    [STATEMENT_DUMP_COUNTERS] = {"SELECT name, value FROM show_counter"
                                 " WHERE name NOT IN ('crank', 'look', 'opening', 'turn')"
                                 " ORDER BY name",
        ""},
    [STATEMENT_DUMP_VATS] = {"SELECT id, name, cluster, state, incarnation, bundle, next_object,"
                             " next_promise, object_mark, promise_mark, parameters AS body,"
                             " parameter_slots FROM show_vat ORDER BY number",
        ""},
    [STATEMENT_DUMP_CLISTS] = {"SELECT vat, vref, kref, is_reachable FROM show_clist"
                               " ORDER BY number, substr(vref, 1, 2), length(vref), vref",
        ""},
    [STATEMENT_DUMP_QUEUE] = {"SELECT seq, kind, target, method, result, told, attempt, line,"
                              " on_promise, on_vat, on_service, on_end, body, slots"
                              " FROM show_queue ORDER BY seq",
        ""},
    [STATEMENT_DUMP_HOLDS] = {"SELECT kind, vat, kref, count FROM show_hold WHERE kind <> 'host'"
                              " ORDER BY kind, number, kref",
        ""},
    [STATEMENT_DUMP_VATSTORE] = {"SELECT vat, key, value FROM show_vatstore ORDER BY number, key",
        ""},
    [STATEMENT_DUMP_DURABLE] = {"SELECT vat, key, value AS body, slots FROM show_durable"
                                " ORDER BY number, key",
        ""},
    [STATEMENT_DUMP_BUNDLES] = {"SELECT sha256, name, modules FROM show_bundle ORDER BY sha256",
        ""},
    [STATEMENT_DUMP_OBJECTS] = {"SELECT number, coalesce(owner, 'nobody'), interface, is_revoked,"
                                " is_orphan FROM show_object ORDER BY number",
        ""},
    [STATEMENT_DUMP_PROMISES] = {"SELECT number, state, decider, follows, subscriber_list, body,"
                                 " slots FROM show_promise ORDER BY number",
        ""},

    [STATEMENT_AUDIT_COUNTS] = {"SELECT kref, reachable, recognizable FROM audit_count", ""},
    [STATEMENT_AUDIT_SENT] = {"SELECT target FROM audit_sent", ""},
    [STATEMENT_AUDIT_PROBLEMS] = {"SELECT problem FROM audit_problem", ""},
    [STATEMENT_WALK_CLISTS] = {"SELECT vat, vref, kref, reachable FROM clist", ""},
    [STATEMENT_WALK_QUEUE] = {"SELECT seq, parked, target, result, slots FROM show_queue"
                              " ORDER BY seq",
        ""},
    [STATEMENT_WALK_PROMISES] = {"SELECT id, slots, follows FROM promise ORDER BY id", ""},
    [STATEMENT_WALK_PROMISE] = {"SELECT id, slots, follows FROM promise WHERE id = ?", "i"},
    [STATEMENT_WALK_HOLDS] = {"SELECT kind, vat, kref, count FROM hold", ""},
};

const char *
statement_text(enum statement statement)
{
    assert(statement < STATEMENT_END && texts[statement].sql != NULL);
    return texts[statement].sql;
}

const char *
statement_types(enum statement statement)
{
    assert(statement < STATEMENT_END && texts[statement].sql != NULL);
    return texts[statement].types;
}
