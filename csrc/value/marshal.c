#include "value/marshal.h"

#include "base/cbor.h"
#include "value/entry.h"
#include "value/errorvalue.h"
#include "value/valuepath.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>

#define FEW_ENTRIES 16 /* sorted on the C stack */
#define ITEM_SIZE 16   /* a head, a number or a constant takes no more */
#define CHARGE_SIZE 4096

struct walk {
    lua_State *L;
    struct marshal_out *out;
    const struct marshal_ops *ops;
    void *context;
    size_t uncharged; /* bytes */
    struct valuepath path;
};

/* Refusing */

static _Noreturn void
refuse(struct walk *walk, const char *why)
{
    valuepath_push(walk->L, &walk->path);
    luaL_error(walk->L, "%s: %s", lua_tostring(walk->L, -1), why);
    abort(); /* luaL_error does not return */
}

static _Noreturn void
exceed(struct walk *walk, bool whole, const char *limit)
{
    if (whole)
        lua_pushstring(walk->L, walk->path.root.root);
    else
        valuepath_push(walk->L, &walk->path);
    errorvalue_push(walk->L, "LimitExceeded", "%s: %s", lua_tostring(walk->L, -1), limit);
    lua_error(walk->L);
    abort();
}

/* A table deeper than the limit, which may be one that contains itself. */
static _Noreturn void
refuse_depth(struct walk *walk)
{
    if (valuepath_cut(&walk->path))
        refuse(walk, "a cyclic table cannot be passed");
    exceed(walk, false, "tables nested deeper than 200, the limit");
}

/* Writing */

static void
outside_begin(const struct walk *walk)
{
    if (walk->ops->outside_begin != NULL)
        walk->ops->outside_begin();
}

static void
outside_end(const struct walk *walk)
{
    if (walk->ops->outside_end != NULL)
        walk->ops->outside_end();
}

static void
charge(struct walk *walk)
{
    if (walk->ops->charge != NULL)
        walk->ops->charge(walk->L, walk->uncharged);
    walk->uncharged = 0;
}

/* Makes room, so that the buf_ and cbor_ calls that follow allocate nothing. */
static void
make_room(struct walk *walk, size_t more)
{
    struct buf *body = &walk->out->body;
    walk->uncharged += more;
    if (walk->uncharged >= CHARGE_SIZE)
        charge(walk);
    if (body->size > MARSHAL_SIZE_MAX || more > MARSHAL_SIZE_MAX + ITEM_SIZE)
        exceed(walk, true, "more than 16 MiB encoded, the limit of one message or result");
    if (body->capacity - body->size >= more)
        return;
    outside_begin(walk);
    buf_reserve(body, more);
    outside_end(walk);
    assert(body->capacity - body->size >= more);
}

static void
write_number(struct walk *walk, int index)
{
    make_room(walk, ITEM_SIZE);
    if (lua_isinteger(walk->L, index))
        cbor_integer(&walk->out->body, lua_tointeger(walk->L, index));
    else
        cbor_float(&walk->out->body, lua_tonumber(walk->L, index));
}

static void
write_string(struct walk *walk, struct bytes string)
{
    make_room(walk, string.size + ITEM_SIZE);
    cbor_string(&walk->out->body, string);
}

static size_t
slot_of(struct walk *walk, const struct marshal_ref *ref)
{
    struct marshal_out *out = walk->out;
    assert(out->slots.count <= MARSHAL_SLOT_MAX);
    size_t slot = marshal_out_find(out, ref->word);
    if (slot != MARSHAL_OUT_NONE)
        return slot;
    if (out->slots.count == MARSHAL_SLOT_MAX)
        exceed(walk, true, "more than 10000 references, the limit of one message or result");
    struct bytes unsaid = {NULL, 0};
    outside_begin(walk);
    slot = marshal_out_add(out, ref->word, ref->news ? ref->interface : unsaid);
    outside_end(walk);
    return slot;
}

static void
write_userdata(struct walk *walk, int index)
{
    lua_State *L = walk->L;
    struct marshal_ref ref = {0};
    if (!walk->ops->refer(L, walk->context, index, &ref)) {
        if (ref.refusal != NULL)
            refuse(walk, ref.refusal);
        const char *type = "userdata";
        if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
            type = lua_tostring(L, -1);
        refuse(walk, lua_pushfstring(L, "a value of type %s cannot be passed", type));
    }
    size_t slot = slot_of(walk, &ref);
    struct buf *body = &walk->out->body;
    make_room(walk, ref.interface.size + 3 * ITEM_SIZE);
    if (ref.promise) {
        cbor_head(body, CBOR_TAG, CBOR_TAG_PROMISE);
        cbor_head(body, CBOR_UNSIGNED, slot);
        return;
    }
    cbor_head(body, CBOR_TAG, CBOR_TAG_OBJECT);
    cbor_head(body, CBOR_ARRAY, 2);
    cbor_head(body, CBOR_UNSIGNED, slot);
    cbor_string(body, ref.interface);
}

static void write_value(struct walk *walk, int index);

static void
write_array(struct walk *walk, int table, lua_Integer count)
{
    lua_State *L = walk->L;
    assert(walk->path.depth > 0);
    struct valuepath_step *step = &walk->path.steps[walk->path.depth - 1];
    make_room(walk, ITEM_SIZE);
    cbor_head(&walk->out->body, CBOR_ARRAY, (uint64_t)count);
    for (lua_Integer i = 1; i <= count; i++) {
        step->number = i;
        lua_rawgeti(L, table, i);
        int value = lua_gettop(L);
        write_value(walk, value);
        assert(lua_gettop(L) == value && step == &walk->path.steps[walk->path.depth - 1]);
        lua_pop(L, 1);
    }
}

static void
read_entries(struct walk *walk, int table, struct entry *entries, size_t room)
{
    lua_State *L = walk->L;
    size_t count = 0;
    (void)room;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        assert(count < room);
        if (!entry_of(L, -1, &entries[count++])) {
            walk->path.depth--;
            refuse(walk, lua_pushfstring(L,
                             "a key of type %s cannot be passed; keys are strings, "
                             "numbers and booleans",
                             luaL_typename(L, -1)));
        }
    }
    assert(count == room);
    entry_sort(entries, count);
}

static void
write_entry(struct walk *walk, int table, const struct entry *entry)
{
    lua_State *L = walk->L;
    struct buf *body = &walk->out->body;
    make_room(walk, ITEM_SIZE);
    if (entry->text != NULL) {
        struct bytes string = {(const uint8_t *)entry->text, (size_t)entry->number};
        make_room(walk, string.size + ITEM_SIZE);
        cbor_head(body, (enum cbor_major)entry->major, string.size);
        buf_append(body, string.data, string.size);
        lua_pushlstring(L, entry->text, string.size);
    } else if (entry->major != CBOR_SIMPLE) {
        cbor_head(body, (enum cbor_major)entry->major, entry->number);
        bool negative = entry->major == CBOR_NEGATIVE;
        lua_pushinteger(L, (lua_Integer)(negative ? ~entry->number : entry->number));
    } else if (entry->first == 0xf4 || entry->first == 0xf5) {
        cbor_boolean(body, entry->first == 0xf5);
        lua_pushboolean(L, entry->first == 0xf5);
    } else {
        cbor_float(body, entry->real);
        lua_pushnumber(L, entry->real);
    }
    lua_rawget(L, table);
    write_value(walk, lua_gettop(L));
    lua_pop(L, 1);
    assert(walk->out->body.size <= walk->out->body.capacity);
}

static void
write_map(struct walk *walk, int table, size_t count)
{
    lua_State *L = walk->L;
    struct entry few[FEW_ENTRIES];
    struct entry *entries = few;
    int top = lua_gettop(L);
    if (count > FEW_ENTRIES)
        entries = lua_newuserdatauv(L, count * sizeof *entries, 0);
    read_entries(walk, table, entries, count);
    make_room(walk, ITEM_SIZE);
    cbor_head(&walk->out->body, CBOR_MAP, count);
    for (size_t i = 0; i < count; i++) {
        assert(walk->path.depth > 0);
        walk->path.steps[walk->path.depth - 1].entry = &entries[i];
        write_entry(walk, table, &entries[i]);
    }
    lua_settop(L, top);
}

/* How many entries the table has; *sequence: they are the keys 1..n. */
static size_t
count_entries(lua_State *L, int table, bool *sequence)
{
    size_t count = 0;
    lua_Integer largest = 0;
    *sequence = true;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        count++;
        if (!*sequence)
            continue;
        lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        if (key < 1)
            *sequence = false;
        else if (key > largest)
            largest = key;
    }
    if ((size_t)largest != count)
        *sequence = false;
    return count;
}

static void
write_table(struct walk *walk, int table)
{
    lua_State *L = walk->L;
    bool is_error = errorvalue_is(L, table);
    if (!is_error && lua_getmetatable(L, table))
        refuse(walk, "a table with a metatable cannot be passed");
    if (walk->path.depth == CBOR_DEPTH_MAX)
        refuse_depth(walk);
    assert(walk->path.depth >= 0 && walk->path.depth < CBOR_DEPTH_MAX);
    luaL_checkstack(L, 8, NULL);
    walk->path.steps[walk->path.depth++] =
        (struct valuepath_step){.table = lua_topointer(L, table)};
    bool sequence;
    size_t count = count_entries(L, table, &sequence);
    if (is_error) {
        make_room(walk, ITEM_SIZE);
        cbor_head(&walk->out->body, CBOR_TAG, CBOR_TAG_ERROR);
    }
    if (sequence && !is_error)
        write_array(walk, table, (lua_Integer)count);
    else
        write_map(walk, table, count);
    walk->path.depth--;
}

static void
write_value(struct walk *walk, int index)
{
    lua_State *L = walk->L;
    struct bytes string;
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        make_room(walk, ITEM_SIZE);
        cbor_nil(&walk->out->body);
        break;
    case LUA_TBOOLEAN:
        make_room(walk, ITEM_SIZE);
        cbor_boolean(&walk->out->body, lua_toboolean(L, index));
        break;
    case LUA_TNUMBER:
        write_number(walk, index);
        break;
    case LUA_TSTRING:
        string.data = (const uint8_t *)lua_tolstring(L, index, &string.size);
        write_string(walk, string);
        break;
    case LUA_TTABLE:
        write_table(walk, index);
        break;
    case LUA_TUSERDATA:
        write_userdata(walk, index);
        break;
    case LUA_TFUNCTION:
        refuse(walk, walk->ops->no_function != NULL
                         ? walk->ops->no_function
                         : "a function cannot be passed; wrap it in Far");
    case LUA_TTHREAD:
        refuse(walk, "a coroutine cannot be passed");
    default:
        refuse(walk, "this value cannot be passed");
    }
}

void
marshal_encode(lua_State *L, int index, int count, struct marshal_path path,
    struct marshal_out *out, const struct marshal_ops *ops, void *context)
{
    struct walk walk; /* its steps are written before they are read */
    assert(index > 0 && count >= 0 && index + count - 1 <= lua_gettop(L));
    walk.L = L;
    walk.out = out;
    walk.ops = ops;
    walk.context = context;
    walk.path.root = path;
    walk.path.depth = 0;
    walk.path.number = 1;
    walk.uncharged = 0;
    marshal_out_clear(out);
    luaL_checkstack(L, 16, NULL);
    if (count > MARSHAL_VALUE_MAX)
        exceed(&walk, true, "more than 100000 values, the limit of one message or result");
    make_room(&walk, ITEM_SIZE);
    cbor_head(&out->body, CBOR_ARRAY, (uint64_t)count);
    for (int i = 0; i < count; i++) {
        walk.path.number = i + 1;
        write_value(&walk, index + i);
        assert(walk.path.depth == 0);
    }
    make_room(&walk, 0);
    charge(&walk);
}
