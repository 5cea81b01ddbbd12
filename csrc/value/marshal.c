/* Writing: Lua values as a body. */
#include "value/marshal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/cbor.h"
#include "base/hash.h"
#include "base/memory.h"
#include "value/entry.h"

#define FEW_SLOTS 16   /* found by looking at each; more are found by a hash */
#define FEW_ENTRIES 16 /* sorted on the C stack */
#define PATH_STEPS 8   /* of a path that an error shows */
#define ITEM_SIZE 16   /* a head, a number or a constant takes no more */
#define CHARGE_SIZE 4096

struct step {
    const void *table;
    const struct entry *entry; /* NULL: number is the index */
    lua_Integer number;
};

struct walk {
    lua_State *L;
    struct marshal_out *out;
    const struct marshal_ops *ops;
    void *context;
    struct marshal_path path;
    int number; /* of the value that is written */
    int depth;
    size_t uncharged; /* bytes */
    struct step steps[CBOR_DEPTH_MAX + 1];
};

/* Errors that name a path */

static bool
is_name(const char *text, size_t size)
{
    if (size == 0 || isdigit((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!isalnum((unsigned char)text[i]) && text[i] != '_')
            return false;
    }
    return true;
}

static void
push_step(lua_State *L, const struct step *step)
{
    const struct entry *entry = step->entry;
    if (entry == NULL) {
        lua_pushfstring(L, "[%I]", (LUAI_UACINT)step->number);
        return;
    }
    size_t size = (size_t)entry->number;
    switch (entry->major) {
    case CBOR_UNSIGNED:
        lua_pushfstring(L, "[%I]", (LUAI_UACINT)entry->number);
        break;
    case CBOR_NEGATIVE:
        lua_pushfstring(L, "[%I]", (LUAI_UACINT)~entry->number);
        break;
    case CBOR_SIMPLE:
        if (entry->first == 0xf4 || entry->first == 0xf5)
            lua_pushfstring(L, "[%s]", entry->first == 0xf5 ? "true" : "false");
        else
            lua_pushfstring(L, "[%f]", entry->real);
        break;
    default:
        lua_pushlstring(L, entry->text, size < 40 ? size : 40);
        if (is_name(entry->text, size < 40 ? size : 40))
            lua_pushfstring(L, size <= 40 ? ".%s" : ".%s...", lua_tostring(L, -1));
        else
            lua_pushfstring(L, size <= 40 ? "[\"%s\"]" : "[\"%s...\"]", lua_tostring(L, -1));
        lua_remove(L, -2);
    }
}

/* Pushes the path to what is written now, as text. */
static void
push_path(struct walk *walk)
{
    lua_State *L = walk->L;
    int depth = walk->depth < PATH_STEPS ? walk->depth : PATH_STEPS;
    luaL_checkstack(L, PATH_STEPS + 8, NULL);
    lua_pushstring(L, walk->path.root);
    if (walk->path.numbered)
        lua_pushfstring(L, "[%d]", walk->number);
    else
        lua_pushliteral(L, "");
    for (int i = 0; i < depth; i++)
        push_step(L, &walk->steps[i]);
    lua_pushstring(L, walk->depth > PATH_STEPS ? "..." : "");
    lua_concat(L, depth + 3);
}

static _Noreturn void
refuse(struct walk *walk, const char *why)
{
    push_path(walk);
    luaL_error(walk->L, "%s: %s", lua_tostring(walk->L, -1), why);
    abort(); /* luaL_error does not return */
}

static _Noreturn void
exceed(struct walk *walk, bool whole, const char *limit)
{
    if (whole)
        lua_pushstring(walk->L, walk->path.root);
    else
        push_path(walk);
    marshal_push_error(walk->L, "LimitExceeded", "%s: %s", lua_tostring(walk->L, -1), limit);
    lua_error(walk->L);
    abort();
}

/* A table deeper than the limit: one that contains itself is named where it
 * does so first. */
static _Noreturn void
refuse_depth(struct walk *walk)
{
    for (int inner = 1; inner < walk->depth; inner++) {
        for (int outer = 0; outer < inner; outer++) {
            if (walk->steps[outer].table == walk->steps[inner].table) {
                walk->depth = inner;
                refuse(walk, "a cyclic table cannot be passed");
            }
        }
    }
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
index_place(const struct marshal_out *out, uint64_t word)
{
    size_t at = hash_number(word) & (out->index_size - 1);
    while (out->index[at] != 0 && out->slots[out->index[at] - 1].vref.word != word)
        at = (at + 1) & (out->index_size - 1);
    return at;
}

/* Brings the hash up to date for all slots, at most half full with the next
 * one. */
static void
index_build(struct walk *walk)
{
    struct marshal_out *out = walk->out;
    size_t size = 64;
    while (size < (out->slot_count + 1) * 2)
        size *= 2;
    if (size > out->index_size) {
        outside_begin(walk);
        out->index = memory_resize(out->index, size * sizeof *out->index);
        out->index_size = size;
        outside_end(walk);
    }
    memset(out->index, 0, out->index_size * sizeof *out->index);
    for (size_t i = 0; i < out->slot_count; i++)
        out->index[index_place(out, out->slots[i].vref.word)] = (uint32_t)i + 1;
}

static size_t
add_slot(struct walk *walk, const struct marshal_ref *ref)
{
    struct marshal_out *out = walk->out;
    if (out->slot_count == MARSHAL_SLOT_MAX)
        exceed(walk, true, "more than 10000 references, the limit of one message or result");
    if (out->slot_count == out->slot_capacity) {
        outside_begin(walk);
        size_t capacity = out->slot_capacity == 0 ? FEW_SLOTS : out->slot_capacity * 2;
        out->slots = memory_resize(out->slots, capacity * sizeof *out->slots);
        out->slot_capacity = capacity;
        outside_end(walk);
    }
    struct slot *slot = &out->slots[out->slot_count];
    slot->vref.word = ref->word;
    slot->interface = (struct bytes){NULL, 0};
    if (ref->news)
        slot->interface = ref->interface;
    return out->slot_count++;
}

static size_t
slot_of(struct walk *walk, const struct marshal_ref *ref)
{
    struct marshal_out *out = walk->out;
    if (out->slot_count <= FEW_SLOTS) {
        for (size_t i = 0; i < out->slot_count; i++) {
            if (out->slots[i].vref.word == ref->word)
                return i;
        }
        return add_slot(walk, ref);
    }
    if (out->slot_count == FEW_SLOTS + 1 || (out->slot_count + 1) * 2 > out->index_size)
        index_build(walk);
    size_t place = index_place(out, ref->word);
    if (out->index[place] != 0)
        return out->index[place] - 1;
    size_t slot = add_slot(walk, ref);
    out->index[place] = (uint32_t)slot + 1;
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
    struct step *step = &walk->steps[walk->depth - 1];
    make_room(walk, ITEM_SIZE);
    cbor_head(&walk->out->body, CBOR_ARRAY, (uint64_t)count);
    for (lua_Integer i = 1; i <= count; i++) {
        step->number = i;
        lua_rawgeti(L, table, i);
        write_value(walk, lua_gettop(L));
        lua_pop(L, 1);
    }
}

static void
read_entries(struct walk *walk, int table, struct entry *entries)
{
    lua_State *L = walk->L;
    size_t count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (!entry_of(L, -1, &entries[count++])) {
            walk->depth--;
            refuse(walk, lua_pushfstring(L,
                             "a key of type %s cannot be passed; keys are strings, "
                             "numbers and booleans",
                             luaL_typename(L, -1)));
        }
    }
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
    read_entries(walk, table, entries);
    make_room(walk, ITEM_SIZE);
    cbor_head(&walk->out->body, CBOR_MAP, count);
    for (size_t i = 0; i < count; i++) {
        walk->steps[walk->depth - 1].entry = &entries[i];
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
    bool is_error = marshal_is_error(L, table);
    if (!is_error && lua_getmetatable(L, table))
        refuse(walk, "a table with a metatable cannot be passed");
    if (walk->depth == CBOR_DEPTH_MAX)
        refuse_depth(walk);
    luaL_checkstack(L, 8, NULL);
    walk->steps[walk->depth++] = (struct step){.table = lua_topointer(L, table)};
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
    walk->depth--;
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
    walk.L = L;
    walk.out = out;
    walk.ops = ops;
    walk.context = context;
    walk.path = path;
    walk.depth = 0;
    walk.uncharged = 0;
    walk.number = 1;
    buf_clear(&out->body);
    out->slot_count = 0;
    luaL_checkstack(L, 16, NULL);
    if (count > MARSHAL_VALUE_MAX)
        exceed(&walk, true, "more than 100000 values, the limit of one message or result");
    make_room(&walk, ITEM_SIZE);
    cbor_head(&out->body, CBOR_ARRAY, (uint64_t)count);
    for (int i = 0; i < count; i++) {
        walk.number = i + 1;
        write_value(&walk, index + i);
    }
    make_room(&walk, 0);
    charge(&walk);
}

void
marshal_free(struct marshal_out *out)
{
    buf_free(&out->body);
    free(out->slots);
    free(out->index);
    *out = (struct marshal_out){0};
}
