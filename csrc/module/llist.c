/* The listings: each noun's rows as Lua tables, read-only. */
#include "module/lmodule.h"
#include "state/clist.h"
#include "state/promise.h"
#include "state/vatstore.h"
#include "store/query.h"

#include <stdlib.h>
#include <string.h>

/* What changed is in the database first, so that SQL sees it. */
static struct db *
flushed(struct lkernel *kernel)
{
    struct state *state = kernel_state(host_kernel(kernel->host));
    state_flush(state);
    return state_db(state);
}

/* A column named "revoked?" is a boolean, "revoked". */
static void
push_column(lua_State *L, struct query *query, int column)
{
    struct bytes name = bytes_of(query_column_name(query, column));
    bool boolean = name.data[name.size - 1] == '?';
    lua_pushlstring(L, (const char *)name.data, name.size - boolean);
    struct bytes bytes = query_bytes(query, column);
    switch (query_column_type(query, column)) {
    case COLUMN_NULL:
        lua_pushnil(L);
        break;
    case COLUMN_INTEGER:
        if (boolean)
            lua_pushboolean(L, query_integer(query, column) != 0);
        else
            lua_pushinteger(L, query_integer(query, column));
        break;
    case COLUMN_TEXT:
    case COLUMN_BLOB:
        lua_pushlstring(L, (const char *)bytes.data, bytes.size);
        break;
    }
    lua_rawset(L, -3);
}

static int
push_rows(lua_State *L, struct query *query)
{
    lua_newtable(L);
    for (lua_Integer n = 1; query_next(query); n++) {
        lua_newtable(L);
        for (int i = 0; i < query_columns(query); i++)
            push_column(L, query, i);
        lua_rawseti(L, -2, n);
    }
    query_end(query);
    lkernel_check_store(L, lkernel_check(L, 1));
    return 1;
}

/* A listing of a whole table; its statement is the method's upvalue. */
static int
l_list(lua_State *L)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    const char *sql = lua_touserdata(L, lua_upvalueindex(1));
    return push_rows(L, db_query(flushed(kernel), sql, ""));
}

#define VAT_COLUMNS                                                                                \
    "SELECT 'v' || id AS id, name, 's' || cluster AS cluster, state, incarnation, deliveries,"     \
    " fault FROM vat"

static const struct {
    const char *name;
    const char *sql;
} listings[] = {
    {"vats", VAT_COLUMNS " WHERE NOT cleaned ORDER BY vat.id"},
    {"clusters", "SELECT 's' || id AS id, bootstrap, (SELECT count(*) FROM vat WHERE cluster ="
                 " cluster.id AND state <> 'terminated') AS vats FROM cluster ORDER BY cluster.id"},
    {"objects", "SELECT 'ko' || id AS kref, iif(owner < 0, 'host', 'v' || owner) AS owner,"
                " interface, reachable,"
                " recognizable, revoked AS \"revoked?\" FROM object ORDER BY object.id"},
    {"promises", "SELECT 'kp' || id AS kref, state, CASE WHEN decider < 0 THEN 'kernel' ELSE"
                 " 'v' || decider END AS decider, refcount, 'kp' || follows AS follows,"
                 " (SELECT count(*) FROM subscriber WHERE promise = promise.id) AS subscribers,"
                 " (SELECT count(*) FROM queue WHERE on_promise = promise.id) AS parked"
                 " FROM promise ORDER BY promise.id"},
    {"queue", "SELECT seq, kind, target, nullif(method, '') AS method, 'v' || coalesce(iif(kind = "
              "'message', NULL, vat),"
              " (SELECT owner FROM object WHERE target LIKE 'ko%' AND owner > 0 AND id ="
              " cast(substr(target, 3) AS INTEGER))) AS vat, coalesce('kp' || on_promise,"
              " 'v' || on_vat, 'ko' || on_service, 'v' || on_end) AS parked, result FROM queue "
              "ORDER BY seq"},
    {"bundles", "SELECT sha256, name, (SELECT group_concat(name, ', ') FROM"
                " (SELECT bundle_name.name FROM bundle_name WHERE bundle_name.sha256 ="
                " bundle.sha256 ORDER BY 1)) AS installed, modules FROM bundle ORDER BY sha256"},
    {"images", "SELECT 'v' || vat AS vat, incarnation, position, length, length(bytes) AS stored,"
               " build, hash FROM image ORDER BY image.vat"},
};

/* One vat's rows */

static int
l_clist(lua_State *L)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    uint64_t vat = lref_vat(L, 1, 2);
    return push_rows(
        L, db_query(flushed(kernel),
               "SELECT vref, kref, reachable AS \"reachable?\" FROM clist WHERE vat = ?"
               " ORDER BY substr(kref, 1, 2), length(kref), kref",
               "i", (int64_t)vat));
}

static int
l_vatstore(lua_State *L)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    uint64_t vat = lref_vat(L, 1, 2);
    return push_rows(
        L, db_query(flushed(kernel), "SELECT key, value FROM vatstore WHERE vat = ? ORDER BY key",
               "i", (int64_t)vat));
}

struct baggage {
    lua_State *L;
    uint64_t vat;
    lua_Integer count;
};

/* The keys of baggage: 'i' and a big-endian integer with its sign bit flipped, or 's' and the
   string; see csrc/vat/durable/lstore.c. */
static bool
push_baggage_key(lua_State *L, struct bytes key)
{
    if (key.size == 9 && key.data[0] == 'i') {
        uint64_t number = 0;
        for (int i = 1; i < 9; i++)
            number = number << 8 | key.data[i];
        lua_pushinteger(L, (lua_Integer)(number ^ UINT64_C(0x8000000000000000)));
        return true;
    }
    if (key.size == 0 || key.data[0] != 's')
        return false;
    lua_pushlstring(L, (const char *)key.data + 1, key.size - 1);
    return true;
}

static bool
collect_baggage(void *context, struct bytes key, struct entry_value value)
{
    struct baggage *baggage = context;
    lua_State *L = baggage->L;
    if (!push_baggage_key(L, key))
        return true;
    /* the values are read when the statement is done: they may ask the tables */
    lua_createtable(L, 0, 3);
    lua_rotate(L, -2, 1);
    lua_setfield(L, -2, "key");
    lua_pushlstring(L, (const char *)value.body.data, value.body.size);
    lua_setfield(L, -2, "body");
    lua_pushlstring(L, (const char *)value.slots.data, value.slots.size);
    lua_setfield(L, -2, "slots");
    lua_rawseti(L, -2, ++baggage->count);
    return true;
}

static struct bytes
bytes_field(lua_State *L, const char *name)
{
    size_t size;
    lua_getfield(L, -1, name);
    const char *data = lua_tolstring(L, -1, &size);
    lua_pop(L, 1);
    return (struct bytes){(const uint8_t *)data, size};
}

static int
l_baggage(lua_State *L)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    struct baggage baggage = {L, lref_vat(L, 1, 2), 0};
    lua_newtable(L);
    vatstore_scan(kernel_state(host_kernel(kernel->host)), baggage.vat, SPACE_DURABLE,
        (struct bytes){NULL, 0}, collect_baggage, &baggage);
    lkernel_check_store(L, kernel);
    for (lua_Integer i = 1; i <= baggage.count; i++) {
        lua_rawgeti(L, -1, i);
        struct bytes body = bytes_field(L, "body");
        struct bytes slots = bytes_field(L, "slots");
        int count = lvalue_push_durable(L, 1, baggage.vat, body, slots);
        lua_settop(L, lua_gettop(L) - count + 1);
        lua_setfield(L, -2, "value");
        lua_pushnil(L);
        lua_setfield(L, -2, "body");
        lua_pushnil(L);
        lua_setfield(L, -2, "slots");
        lua_pop(L, 1);
    }
    return 1;
}

/* Numbers, as rows and by name */

static void
add_stat(lua_State *L, const char *name, int64_t value)
{
    lua_createtable(L, 0, 2);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "name");
    lua_pushinteger(L, value);
    lua_setfield(L, -2, "value");
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static int
l_stats(lua_State *L)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    size_t online;
    uint64_t heap;
    host_online(kernel->host, &online, &heap);
    lua_newtable(L);
    struct query *query = db_query(flushed(kernel),
        "SELECT 'bundles', count(*) FROM bundle UNION ALL SELECT 'clists', count(*) FROM clist"
        " UNION ALL SELECT 'clusters', count(*) FROM cluster"
        " UNION ALL SELECT 'cranks', value FROM meta WHERE name = 'crank'"
        " UNION ALL SELECT 'deliveries', coalesce(sum(deliveries), 0) FROM vat"
        " UNION ALL SELECT 'images', count(*) FROM image"
        " UNION ALL SELECT 'image_bytes', coalesce(sum(length(bytes)), 0) FROM image"
        " UNION ALL SELECT 'objects', count(*) FROM object"
        " UNION ALL SELECT 'promises', count(*) FROM promise"
        " UNION ALL SELECT 'queue', count(*) FROM queue WHERE coalesce(on_promise, on_vat,"
        " on_service, on_end) IS NULL"
        " UNION ALL SELECT 'parked', count(*) FROM queue"
        " WHERE coalesce(on_promise, on_vat, on_service, on_end) IS NOT NULL"
        " UNION ALL SELECT 'vats', count(*) FROM vat WHERE state <> 'terminated'"
        " ORDER BY 1",
        "");
    while (query_next(query)) {
        lua_pushlstring(L, (const char *)query_bytes(query, 0).data, query_bytes(query, 0).size);
        const char *name = lua_tostring(L, -1);
        lua_insert(L, -2);
        add_stat(L, name, query_integer(query, 1));
        lua_remove(L, -2);
    }
    query_end(query);
    lkernel_check_store(L, kernel);
    add_stat(L, "memory_bytes", (int64_t)host_memory(kernel->host));
    add_stat(L, "vats_online", (int64_t)online);
    add_stat(L, "vats_online_bytes", (int64_t)heap);
    return 1;
}

/* Whole texts */

/* The lines of a text as a list. */
static int
push_lines(lua_State *L, const struct buf *text)
{
    lua_newtable(L);
    size_t start = 0;
    for (size_t i = 0; i < text->size; i++) {
        if (text->data[i] != '\n')
            continue;
        lua_pushlstring(L, (const char *)text->data + start, i - start);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
        start = i + 1;
    }
    return 1;
}

static int
l_audit(lua_State *L)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    struct buf text = {0};
    kernel_audit(host_kernel(kernel->host), &text);
    push_lines(L, &text);
    buf_free(&text);
    lkernel_check_running(L, kernel);
    return 1;
}

static int
l_dump(lua_State *L)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    struct buf text = {0};
    kernel_dump(host_kernel(kernel->host), &text);
    lua_pushlstring(L, (const char *)text.data, text.size);
    buf_free(&text);
    lkernel_check_store(L, kernel);
    return 1;
}

/* Rows of { kind, holder, detail } from lines with tabs between. */
static int
l_holders(lua_State *L)
{
    static const char *const names[] = {"kind", "holder", "detail"};
    struct lkernel *kernel = lkernel_check(L, 1);
    struct kref kref = lref_check(L, 1, 2);
    struct buf text = {0};
    kernel_holders(host_kernel(kernel->host), kref, &text);
    push_lines(L, &text);
    buf_free(&text);
    lkernel_check_store(L, kernel);
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        const char *at = lua_tostring(L, -1);
        lua_createtable(L, 0, 3);
        for (int part = 0; part < 3; part++) {
            size_t size = strcspn(at, "\t");
            lua_pushlstring(L, at, size);
            if (size > 0)
                lua_setfield(L, -2, names[part]);
            else
                lua_pop(L, 1);
            at += size + (at[size] == '\t');
        }
        lua_rawseti(L, -3, i);
        lua_pop(L, 1);
    }
    return 1;
}

/* One object or promise, with all its facts */

static int
show_promise(lua_State *L, struct lkernel *kernel, struct kref kref)
{
    struct blob *value;
    enum settled how = kernel_outcome(host_kernel(kernel->host), kref, &value);
    lkernel_check_store(L, kernel);
    lua_rawgeti(L, -1, 1);
    if (how == SETTLED_NOT)
        return 1;
    lua_newtable(L);
    int list = lua_gettop(L);
    int count = lvalue_push(L, 1, value);
    for (int i = count; i > 0; i--)
        lua_rawseti(L, list, i);
    if (how == SETTLED_REJECTED) {
        lua_rawgeti(L, list, 1);
        lua_setfield(L, list - 1, "reason");
        lua_pop(L, 1);
    } else {
        lua_pushinteger(L, count);
        lua_setfield(L, list, "n");
        lua_setfield(L, list - 1, "values");
    }
    return 1;
}

static int
l_show(lua_State *L)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    struct kref kref = lref_check(L, 1, 2);
    int64_t id = (int64_t)kref_number(kref);
    if (!kref_is_promise(kref)) {
        push_rows(L, db_query(flushed(kernel),
                         "SELECT 'ko' || id AS kref, iif(owner < 0, 'host', 'v' || owner) AS owner,"
                         " interface, reachable,"
                         " recognizable, revoked AS \"revoked?\" FROM object WHERE object.id = ?",
                         "i", id));
        lua_rawgeti(L, -1, 1);
        return 1;
    }
    push_rows(L, db_query(flushed(kernel),
                     "SELECT 'kp' || id AS kref, state, CASE WHEN decider < 0 THEN 'kernel' ELSE"
                     " 'v' || decider END AS decider, refcount, 'kp' || follows AS follows"
                     " FROM promise WHERE promise.id = ?",
                     "i", id));
    return show_promise(L, kernel, kref);
}

static const luaL_Reg methods[] = {
    {"clist", l_clist},
    {"vatstore", l_vatstore},
    {"baggage", l_baggage},
    {"stats", l_stats},
    {"audit", l_audit},
    {"dump", l_dump},
    {"holders", l_holders},
    {"show", l_show},
    {NULL, NULL},
};

void
llist_methods(lua_State *L)
{
    for (size_t i = 0; i < sizeof listings / sizeof *listings; i++) {
        lua_pushlightuserdata(L, (void *)(uintptr_t)listings[i].sql);
        lua_pushcclosure(L, l_list, 1);
        lua_setfield(L, -2, listings[i].name);
    }
    luaL_setfuncs(L, methods, 0);
}
