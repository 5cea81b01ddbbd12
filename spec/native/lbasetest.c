/* The Lua module moonvat.basetest: csrc/base, for its specs. */
#include "base/hash.h"
#include "base/numbers.h"
#include "base/read.h"
#include "base/utf8.h"
#include "exchange.h"

static const char *
no_slot(const void *context, uint64_t index, char *text)
{
    (void)context;
    snprintf(text, REF_TEXT_MAX, "%d", (int)index);
    return text;
}

static int
push_buf(lua_State *L, struct buf *buf)
{
    lua_pushlstring(L, (const char *)buf->data, buf->size);
    buf_free(buf);
    return 1;
}

/* A reference's text, printed from its word again; nil when it is refused. */
static int
l_kref(lua_State *L)
{
    char text[REF_TEXT_MAX];
    struct kref kref = kref_parse(to_bytes(L, 1));
    if (kref_is_none(kref))
        luaL_pushfail(L);
    else
        lua_pushstring(L, kref_print(kref, text));
    return 1;
}

static int
l_vref(lua_State *L)
{
    char text[REF_TEXT_MAX];
    struct vref vref = vref_parse(to_bytes(L, 1));
    if (vref_is_none(vref))
        luaL_pushfail(L);
    else
        lua_pushstring(L, vref_print(vref, text));
    return 1;
}

static int
l_vref_word_is_valid(lua_State *L)
{
    lua_pushboolean(L, vref_is_valid((struct vref){(uint64_t)luaL_checkinteger(L, 1)}));
    return 1;
}

/* A number as it travels, and what is read back from bytes: nil when they are bad. */
static int
l_number(lua_State *L)
{
    struct buf buf = {0};
    buf_number(&buf, (uint64_t)luaL_checkinteger(L, 1));
    return push_buf(L, &buf);
}

static int
l_read_number(lua_State *L)
{
    struct reader reader = reader_of(to_bytes(L, 1));
    uint64_t number = read_number(&reader);
    if (reader.bad)
        luaL_pushfail(L);
    else
        lua_pushinteger(L, (lua_Integer)number);
    lua_pushboolean(L, read_more(&reader));
    return 2;
}

static int
l_read_bytes(lua_State *L)
{
    struct reader reader = reader_of(to_bytes(L, 1));
    struct bytes bytes = read_bytes(&reader);
    if (reader.bad)
        luaL_pushfail(L);
    else
        push_bytes(L, bytes);
    return 1;
}

/* One value as CBOR. */
static int
l_cbor(lua_State *L)
{
    struct buf buf = {0};
    lua_settop(L, 1);
    if (lua_isnil(L, 1))
        cbor_nil(&buf);
    else
        append_data(L, &buf);
    return push_buf(L, &buf);
}

static int
l_cbor_head(lua_State *L)
{
    struct buf buf = {0};
    cbor_head(&buf, (enum cbor_major)luaL_checkinteger(L, 1), (uint64_t)luaL_checkinteger(L, 2));
    return push_buf(L, &buf);
}

static int
l_cbor_error(lua_State *L)
{
    struct buf buf = {0};
    cbor_error(&buf, luaL_checkstring(L, 1), luaL_checkstring(L, 2), luaL_optinteger(L, 3, -1));
    return push_buf(L, &buf);
}

/* Whether one item is skipped, and how many bytes it took. */
static int
l_cbor_skip(lua_State *L)
{
    struct bytes bytes = to_bytes(L, 1);
    struct reader reader = reader_of(bytes);
    bool good = cbor_skip(&reader);
    lua_pushboolean(L, good);
    lua_pushinteger(L, (lua_Integer)(reader.at - bytes.data));
    return 2;
}

static int
l_single_object(lua_State *L)
{
    uint64_t index;
    if (cbor_single_object(to_bytes(L, 1), &index))
        lua_pushinteger(L, (lua_Integer)index);
    else
        luaL_pushfail(L);
    return 1;
}

static int
l_utf8(lua_State *L)
{
    lua_pushboolean(L, utf8_is_valid(to_bytes(L, 1)));
    return 1;
}

static int
l_show(lua_State *L)
{
    struct buf text = {0};
    show_body(&text, to_bytes(L, 1), no_slot, NULL);
    return push_buf(L, &text);
}

static int
l_show_string(lua_State *L)
{
    struct buf text = {0};
    show_string(&text, to_bytes(L, 1));
    return push_buf(L, &text);
}

static int
l_show_syscalls(lua_State *L)
{
    struct buf text = {0};
    show_syscalls(&text, to_bytes(L, 1));
    return push_buf(L, &text);
}

/* The bytes of an outcome's syscalls and changes. */
static int
l_encode(lua_State *L)
{
    struct exchange with = {0};
    struct outcome outcome = read_outcome(L, &with, 1);
    push_bytes(L, outcome.syscalls);
    push_bytes(L, outcome.changes);
    arena_free(&with.arena);
    buf_free(&with.body);
    buf_free(&with.syscalls);
    buf_free(&with.changes);
    return 2;
}

/* Syscalls decoded and encoded again; nil when they are malformed. */
static int
l_syscalls(lua_State *L)
{
    struct arena arena = {0};
    struct buf buf = {0};
    const struct syscall *list;
    size_t count;
    bool good = syscalls_decode(to_bytes(L, 1), &arena, &list, &count);
    for (size_t i = 0; good && i < count; i++)
        syscall_encode(&buf, &list[i]);
    arena_free(&arena);
    push_buf(L, &buf);
    if (!good)
        luaL_pushfail(L);
    return 1;
}

static int
l_changes(lua_State *L)
{
    struct buf buf = {0};
    struct change change;
    struct reader reader = reader_of(to_bytes(L, 1));
    while (change_decode(&reader, &change))
        change_encode(&buf, &change);
    push_buf(L, &buf);
    if (reader.bad)
        luaL_pushfail(L);
    return 1;
}

/* A delivery decoded and encoded again; nil when it is malformed. */
static int
l_delivery(lua_State *L)
{
    struct arena arena = {0};
    struct buf buf = {0};
    struct delivery delivery;
    bool good = delivery_decode(to_bytes(L, 1), &arena, &delivery);
    if (good)
        delivery_encode(&buf, &delivery);
    arena_free(&arena);
    push_buf(L, &buf);
    if (!good)
        luaL_pushfail(L);
    return 1;
}

/* The same delivery as the kernel would make of these bytes. */
static int
l_push_delivery(lua_State *L)
{
    struct exchange with = {0};
    struct crank crank = {.vat = 1, .delivery = to_bytes(L, 1)};
    push_delivery(L, &with, &crank);
    arena_free(&with.arena);
    buf_free(&with.body);
    return 1;
}

/* The numbers that are left of a list when those of another were taken from it; what add and remove
   said, as texts of 0 and 1. */
static int
l_numbers(lua_State *L)
{
    struct number_list list = {0};
    luaL_Buffer said;
    luaL_buffinit(L, &said);
    for (lua_Integer i = 1; i <= luaL_len(L, 1); i++) {
        lua_geti(L, 1, i);
        uint64_t number = (uint64_t)lua_tointeger(L, -1);
        lua_pop(L, 1);
        luaL_addchar(&said, numbers_add(&list, number) ? '1' : '0');
    }
    for (lua_Integer i = 1; i <= luaL_len(L, 2); i++) {
        lua_geti(L, 2, i);
        uint64_t number = (uint64_t)lua_tointeger(L, -1);
        lua_pop(L, 1);
        luaL_addchar(&said, numbers_remove(&list, number) ? '1' : '0');
    }
    luaL_pushresult(&said);
    lua_newtable(L);
    for (size_t i = 0; i < list.count; i++) {
        lua_pushinteger(L, (lua_Integer)list.items[i]);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    list_free(&list);
    return 2;
}

static int
l_hash(lua_State *L)
{
    struct bytes bytes;
    bytes.data = (const uint8_t *)luaL_checklstring(L, 1, &bytes.size);
    char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash_bytes(bytes));
    lua_pushstring(L, text);
    return 1;
}

static const luaL_Reg functions[] = {
    {"hash", l_hash},
    {"numbers", l_numbers},
    {"kref", l_kref},
    {"vref", l_vref},
    {"vref_word_is_valid", l_vref_word_is_valid},
    {"number", l_number},
    {"read_number", l_read_number},
    {"read_bytes", l_read_bytes},
    {"cbor", l_cbor},
    {"cbor_head", l_cbor_head},
    {"cbor_error", l_cbor_error},
    {"cbor_skip", l_cbor_skip},
    {"single_object", l_single_object},
    {"utf8", l_utf8},
    {"show", l_show},
    {"show_string", l_show_string},
    {"show_syscalls", l_show_syscalls},
    {"encode", l_encode},
    {"syscalls", l_syscalls},
    {"changes", l_changes},
    {"delivery", l_delivery},
    {"delivery_table", l_push_delivery},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_moonvat_basetest(lua_State *L);

int
luaopen_moonvat_basetest(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
