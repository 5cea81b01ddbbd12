/* The listings: each noun's rows as Lua tables, read-only. */
#include "module/lmodule.h"

#include "host/trim.h"
#include "kernel/face/history.h"
#include "kernel/face/listing.h"
#include "kernel/look/audit.h"
#include "kernel/look/dump.h"

#include <assert.h>
#include <string.h>

/* A column named "is_revoked" is a boolean, "revoked". */
static void
push_column(lua_State *L, struct query *query, int column)
{
    const char *name = query_column_name(query, column);
    bool boolean = strncmp(name, "is_", 3) == 0;
    lua_pushstring(L, boolean ? name + 3 : name);
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

/* The rows of a statement as a list of tables; number: see kernel_listing. */
static int
push_rows(lua_State *L, enum statement statement, uint64_t number)
{
    struct lkernel *kernel = lkernel_check(L, 1);
    struct query *query = kernel_listing(host_kernel(kernel->host), statement, (int64_t)number);
    lua_newtable(L);
    for (lua_Integer n = 1; query_next(query); n++) {
        lua_newtable(L);
        for (int i = 0; i < query_columns(query); i++)
            push_column(L, query, i);
        lua_rawseti(L, -2, n);
    }
    query_end(query);
    lkernel_check_store(L, kernel);
    return 1;
}

/* Listings of a whole table, or of one vat's rows in it; the statement is a second upvalue. */

static int
l_list(lua_State *L)
{
    return push_rows(L, (enum statement)lua_tointeger(L, lua_upvalueindex(2)), 0);
}

static int
l_list_of_vat(lua_State *L)
{
    enum statement statement = (enum statement)lua_tointeger(L, lua_upvalueindex(2));
    return push_rows(L, statement, lname_vat(L, 1, 2));
}

static const struct {
    const char *name;
    lua_CFunction function;
    enum statement statement;
} listings[] = {
    {"vats", l_list, STATEMENT_LIST_VATS},
    {"clusters", l_list, STATEMENT_LIST_CLUSTERS},
    {"objects", l_list, STATEMENT_LIST_OBJECTS},
    {"promises", l_list, STATEMENT_LIST_PROMISES},
    {"queue", l_list, STATEMENT_LIST_QUEUE},
    {"bundles", l_list, STATEMENT_LIST_BUNDLES},
    {"images", l_list, STATEMENT_LIST_IMAGES},
    {"clist", l_list_of_vat, STATEMENT_LIST_CLIST},
    {"vatstore", l_list_of_vat, STATEMENT_LIST_VATSTORE},
};

/* Baggage */

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
    static const struct lfield fields[] = {
        {"body", LFIELD_BYTES, offsetof(struct entry_value, body)},
        {"slots", LFIELD_BYTES, offsetof(struct entry_value, slots)},
        {NULL, LFIELD_TEXT, 0},
    };
    struct baggage *baggage = context;
    lua_State *L = baggage->L;
    assert(lua_istable(L, -1));
    if (!push_baggage_key(L, key))
        return true;
    /* the values are read when the statement is done: they may ask the tables */
    lfields_push(L, &value, fields);
    lua_rotate(L, -2, 1);
    lua_setfield(L, -2, "key");
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
    struct baggage baggage = {L, lname_vat(L, 1, 2), 0};
    lua_newtable(L);
    kernel_rows(host_kernel(kernel->host), baggage.vat, SPACE_DURABLE, (struct bytes){NULL, 0},
        collect_baggage, &baggage);
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
    struct query *query = kernel_listing(host_kernel(kernel->host), STATEMENT_LIST_STATS, 0);
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
    struct kref kref = lname_kref(L, 1, 2);
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
    struct kref kref = lname_kref(L, 1, 2);
    if (!kref_is_promise(kref)) {
        push_rows(L, STATEMENT_SHOW_OBJECT, kref_number(kref));
        lua_rawgeti(L, -1, 1);
        return 1;
    }
    push_rows(L, STATEMENT_SHOW_PROMISE, kref_number(kref));
    return show_promise(L, kernel, kref);
}

const luaL_Reg llist_methods[] = {
    {"baggage", l_baggage},
    {"stats", l_stats},
    {"audit", l_audit},
    {"dump", l_dump},
    {"holders", l_holders},
    {"show", l_show},
    {NULL, NULL},
};

void
llist_open(lua_State *L)
{
    for (size_t i = 0; i < sizeof listings / sizeof *listings; i++) {
        lua_pushvalue(L, -1);
        lua_pushinteger(L, listings[i].statement);
        lua_pushcclosure(L, listings[i].function, 2);
        lua_setfield(L, -3, listings[i].name);
    }
    lua_pop(L, 1);
}
