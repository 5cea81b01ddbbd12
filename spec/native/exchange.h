/* Deliveries and outcomes as Lua tables, for the module that includes this.
 *
 * References are text. In a list of values a text that reads as a reference is one ("o+1 Counter"
 * tells its interface too); other texts, numbers and booleans are data. */
#ifndef SPEC_NATIVE_EXCHANGE_H
#define SPEC_NATIVE_EXCHANGE_H

#include "base/cbor.h"
#include "base/show.h"
#include "kernel/kernel.h"
#include "store/query.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

struct exchange {
    struct arena arena; /* of the call that is running */
    struct buf body, syscalls, changes;
};

static struct bytes
to_bytes(lua_State *L, int index)
{
    struct bytes bytes;
    bytes.data = (const uint8_t *)luaL_checklstring(L, index, &bytes.size);
    return bytes;
}

static inline const char *
blob_slot(const void *context, uint64_t index, char *text)
{
    const struct blob *value = context;
    return index < value->slot_count ? kref_print(value->slots[index], text) : "malformed";
}

static struct vref
check_vref(lua_State *L, int index)
{
    struct vref vref = vref_parse(to_bytes(L, index));
    if (!vref_is_valid(vref))
        luaL_error(L, "%s is no vref", lua_tostring(L, index));
    return vref;
}

/* A text in a field of the table at the top, or the other when there is none. */
static struct bytes
text_field(lua_State *L, const char *name, const char *otherwise)
{
    struct bytes text = {NULL, 0};
    if (lua_getfield(L, -1, name) != LUA_TNIL)
        text = to_bytes(L, -1);
    else if (otherwise != NULL)
        text = bytes_of(otherwise);
    lua_pop(L, 1); /* the table keeps it */
    return text;
}

/* Values: a list becomes a body and slots */

static void
append_data(lua_State *L, struct buf *body)
{
    if (lua_type(L, -1) == LUA_TBOOLEAN)
        cbor_boolean(body, lua_toboolean(L, -1));
    else if (lua_isinteger(L, -1))
        cbor_integer(body, lua_tointeger(L, -1));
    else if (lua_type(L, -1) == LUA_TNUMBER)
        cbor_float(body, lua_tonumber(L, -1));
    else
        cbor_string(body, to_bytes(L, -1));
}

static void
append_reference(struct buf *body, bool promise, size_t index, struct bytes interface)
{
    cbor_head(body, CBOR_TAG, promise ? CBOR_TAG_PROMISE : CBOR_TAG_OBJECT);
    if (!promise)
        cbor_head(body, CBOR_ARRAY, 2);
    cbor_integer(body, (int64_t)index);
    if (!promise)
        cbor_string(body, interface);
}

/* The text at the top, when it is a reference with or without an interface. */
static struct slot
read_slot(lua_State *L)
{
    struct slot slot = {VREF_NONE, {NULL, 0}};
    if (lua_type(L, -1) != LUA_TSTRING)
        return slot;
    struct bytes text = to_bytes(L, -1);
    const uint8_t *space = memchr(text.data, ' ', text.size);
    if (space != NULL) {
        slot.interface = (struct bytes){space + 1, (size_t)(text.data + text.size - space - 1)};
        text.size = (size_t)(space - text.data);
    }
    slot.vref = vref_parse(text);
    return slot;
}

/* The list in field name of the table at the top; a field "body" replaces the body made of it. */
static struct capdata
read_value(lua_State *L, struct exchange *with, const char *name)
{
    struct capdata value = {{NULL, 0}, NULL, 0};
    bool given = lua_getfield(L, -1, name) == LUA_TTABLE;
    size_t count = given ? (size_t)luaL_len(L, -1) : 0;
    struct slot *slots = arena_take(&with->arena, count * sizeof *slots);
    buf_clear(&with->body);
    cbor_head(&with->body, CBOR_ARRAY, count);
    for (size_t i = 0; i < count; i++) {
        lua_geti(L, -1, (lua_Integer)i + 1);
        struct slot slot = read_slot(L);
        if (vref_is_none(slot.vref)) {
            append_data(L, &with->body);
        } else {
            append_reference(
                &with->body, vref_is_promise(slot.vref), value.slot_count, slot.interface);
            slots[value.slot_count++] = slot;
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    value.body = text_field(L, "body", NULL);
    if (value.body.data == NULL)
        value.body = arena_copy(&with->arena, buf_view(&with->body));
    value.slots = slots;
    return value;
}

/* The list of krefs and data at an index, as a blob of the caller. */
static inline struct blob *
read_blob(lua_State *L, struct exchange *with, int index)
{
    size_t count = lua_istable(L, index) ? (size_t)luaL_len(L, index) : 0;
    struct kref *slots = arena_take(&with->arena, count * sizeof *slots);
    size_t slot_count = 0;
    buf_clear(&with->body);
    cbor_head(&with->body, CBOR_ARRAY, count);
    for (size_t i = 0; i < count; i++) {
        lua_geti(L, index, (lua_Integer)i + 1);
        struct kref kref = lua_type(L, -1) == LUA_TSTRING ? kref_parse(to_bytes(L, -1)) : KREF_NONE;
        if (kref_is_none(kref)) {
            append_data(L, &with->body);
        } else {
            append_reference(
                &with->body, kref_is_promise(kref), slot_count, (struct bytes){NULL, 0});
            slots[slot_count++] = kref;
        }
        lua_pop(L, 1);
    }
    return blob_new(buf_view(&with->body), slots, slot_count);
}

static const struct vref *
read_refs(lua_State *L, struct exchange *with, size_t *count)
{
    *count = (size_t)luaL_len(L, -1);
    struct vref *refs = arena_take(&with->arena, *count * sizeof *refs);
    for (size_t i = 0; i < *count; i++) {
        lua_geti(L, -1, (lua_Integer)i + 1);
        refs[i] = check_vref(L, -1);
        lua_pop(L, 1);
    }
    return refs;
}

/* Outcomes */

/* { "p+1", "fulfilled" or "rejected" or "follow", { values } or "p-2" } at the top */
static struct settlement
read_settlement(lua_State *L, struct exchange *with)
{
    static const char *const states[] = {"", "fulfilled", "rejected", "follow", NULL};
    struct settlement settlement = {0};
    lua_geti(L, -1, 1);
    settlement.promise = check_vref(L, -1);
    lua_pop(L, 1);
    lua_geti(L, -1, 2);
    settlement.state = (enum settle_state)luaL_checkoption(L, -1, NULL, states);
    lua_pop(L, 1);
    lua_geti(L, -1, 3);
    if (settlement.state == SETTLE_FOLLOW) {
        settlement.follow = check_vref(L, -1);
        lua_pop(L, 1);
    } else {
        lua_setfield(L, -2, "values");
        settlement.value = read_value(L, with, "values");
    }
    return settlement;
}

static void
read_settlements(lua_State *L, struct exchange *with, struct syscall *syscall)
{
    syscall->settlement_count = (size_t)luaL_len(L, -1);
    struct settlement *list = arena_take(&with->arena, syscall->settlement_count * sizeof *list);
    for (size_t i = 0; i < syscall->settlement_count; i++) {
        lua_geti(L, -1, (lua_Integer)i + 1);
        list[i] = read_settlement(L, with);
        lua_pop(L, 1);
    }
    syscall->settlements = list;
}

static struct vref
read_optional_vref(lua_State *L, const char *name)
{
    struct vref vref = VREF_NONE;
    if (lua_getfield(L, -1, name) != LUA_TNIL)
        vref = check_vref(L, -1);
    lua_pop(L, 1);
    return vref;
}

/* The syscall at the top: its kind is the name of one of its fields. */
static void
read_syscall(lua_State *L, struct exchange *with)
{
    struct syscall syscall = {0};
    for (int kind = SYSCALL_SEND; kind <= SYSCALL_ABANDON_EXPORTS; kind++) {
        if (lua_getfield(L, -1, syscall_name((enum syscall_kind)kind)) != LUA_TNIL) {
            syscall.kind = (enum syscall_kind)kind;
            break;
        }
        lua_pop(L, 1);
    }
    if (syscall.kind == SYSCALL_SEND || syscall.kind == SYSCALL_SUBSCRIBE)
        syscall.target = check_vref(L, -1);
    else if (syscall.kind == SYSCALL_RESOLVE)
        read_settlements(L, with, &syscall);
    else if (syscall.kind != SYSCALL_EXIT)
        syscall.refs = read_refs(L, with, &syscall.ref_count);
    lua_pop(L, 1);
    if (syscall.kind == SYSCALL_SEND || syscall.kind == SYSCALL_EXIT) {
        syscall.value = read_value(L, with, "args");
        syscall.result = read_optional_vref(L, "result");
        syscall.method = text_field(L, "method", "m");
        lua_getfield(L, -1, "failure");
        syscall.failure = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    syscall_encode(&with->syscalls, &syscall);
}

/* { key =, before =, after =, space = "vatstore" or "durable", slots = { vrefs } } at the top */
static void
read_change(lua_State *L, struct exchange *with)
{
    struct change change = {.key = text_field(L, "key", NULL)};
    if (bytes_equal(text_field(L, "space", "vatstore"), bytes_of("durable")))
        change.space = SPACE_DURABLE;
    change.before.body = text_field(L, "before", NULL);
    change.before.present = change.before.body.data != NULL;
    change.after.body = text_field(L, "after", NULL);
    change.after.present = change.after.body.data != NULL;
    buf_clear(&with->body);
    if (lua_getfield(L, -1, "slots") == LUA_TTABLE) {
        size_t count;
        const struct vref *refs = read_refs(L, with, &count);
        for (size_t i = 0; i < count; i++)
            buf_number(&with->body, refs[i].word);
    }
    lua_pop(L, 1);
    change.after.slots = buf_view(&with->body);
    change_encode(&with->changes, &change);
}

/* The bytes in a field of the table at an index: given as they are, or made from a list. */
static struct bytes
read_list(lua_State *L, struct exchange *with, int index, const char *name, struct buf *into,
    void (*read_one)(lua_State *L, struct exchange *with))
{
    buf_clear(into);
    if (lua_getfield(L, index, name) == LUA_TSTRING) {
        buf_append(into, to_bytes(L, -1).data, to_bytes(L, -1).size);
    } else if (lua_istable(L, -1)) {
        lua_Integer count = luaL_len(L, -1);
        for (lua_Integer i = 1; i <= count; i++) {
            lua_geti(L, -1, i);
            read_one(L, with);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
    return buf_view(into);
}

/* The outcome in the table at an index; nil is an outcome without any syscall. */
static struct outcome
read_outcome(lua_State *L, struct exchange *with, int index)
{
    static const char *const faults[] = {
        "none", "time", "memory", "instructions", "start", "broken", NULL};
    struct outcome outcome = {0};
    if (!lua_istable(L, index))
        return outcome;
    lua_getfield(L, index, "fault");
    outcome.fault = (enum vat_fault)luaL_checkoption(L, -1, "none", faults);
    lua_getfield(L, index, "reason");
    outcome.reason = luaL_optstring(L, -1, NULL);
    lua_getfield(L, index, "interface");
    outcome.interface = bytes_of(luaL_optstring(L, -1, ""));
    lua_pop(L, 3);
    outcome.syscalls = read_list(L, with, index, "syscalls", &with->syscalls, read_syscall);
    outcome.changes = read_list(L, with, index, "changes", &with->changes, read_change);
    return outcome;
}

/* Deliveries, as tables */

static void
push_bytes(lua_State *L, struct bytes bytes)
{
    lua_pushlstring(L, (const char *)bytes.data, bytes.size);
}

static void
push_vref(lua_State *L, struct vref vref)
{
    char text[REF_TEXT_MAX];
    lua_pushstring(L, vref_print(vref, text));
}

static const char *
capdata_slot(const void *context, uint64_t index, char *text)
{
    const struct capdata *value = context;
    return index < value->slot_count ? vref_print(value->slots[index].vref, text) : "malformed";
}

/* Fields text, the body as Lua, and slots of the table at the top. */
static void
set_value(lua_State *L, struct exchange *with, const struct capdata *value)
{
    buf_clear(&with->body);
    show_body(&with->body, value->body, capdata_slot, value);
    push_bytes(L, buf_view(&with->body));
    lua_setfield(L, -2, "text");
    lua_newtable(L);
    for (size_t i = 0; i < value->slot_count; i++) {
        push_vref(L, value->slots[i].vref);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "slots");
}

static void
set_settlements(lua_State *L, struct exchange *with, const struct delivery *delivery)
{
    lua_newtable(L);
    for (size_t i = 0; i < delivery->settlement_count; i++) {
        const struct settlement *settlement = &delivery->settlements[i];
        lua_newtable(L);
        push_vref(L, settlement->promise);
        lua_setfield(L, -2, "promise");
        lua_pushstring(L, settlement->state == SETTLE_FULFILLED ? "fulfilled" : "rejected");
        lua_setfield(L, -2, "state");
        set_value(L, with, &settlement->value);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "settlements");
    lua_pushboolean(L, delivery->budget_exceeded != 0);
    lua_setfield(L, -2, "budget_exceeded");
}

static void
set_message(lua_State *L, const struct delivery *delivery)
{
    push_vref(L, delivery->target);
    lua_setfield(L, -2, "target");
    if (!vref_is_none(delivery->result)) {
        push_vref(L, delivery->result);
        lua_setfield(L, -2, "result");
    }
    push_bytes(L, delivery->method);
    lua_setfield(L, -2, "method");
}

static void
set_refs(lua_State *L, const struct delivery *delivery)
{
    lua_newtable(L);
    for (size_t i = 0; i < delivery->ref_count; i++) {
        push_vref(L, delivery->refs[i]);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "refs");
}

static void
push_delivery(lua_State *L, struct exchange *with, const struct crank *crank)
{
    struct delivery delivery;
    if (!delivery_decode(crank->delivery, &with->arena, &delivery))
        luaL_error(L, "the kernel made a malformed delivery");
    lua_newtable(L);
    lua_pushfstring(L, "v%d", (int)crank->vat);
    lua_setfield(L, -2, "vat");
    lua_pushstring(L, delivery_name(delivery.kind));
    lua_setfield(L, -2, "kind");
    if (delivery.kind == DELIVER_MESSAGE)
        set_message(L, &delivery);
    if (delivery.kind == DELIVER_MESSAGE || delivery.kind == DELIVER_START_VAT)
        set_value(L, with, &delivery.value);
    if (delivery.kind == DELIVER_NOTIFY)
        set_settlements(L, with, &delivery);
    if (delivery.refs != NULL)
        set_refs(L, &delivery);
    if (delivery.kind == DELIVER_START_VAT) {
        push_bytes(L, delivery.name);
        lua_setfield(L, -2, "name");
        lua_pushinteger(L, (lua_Integer)delivery.incarnation);
        lua_setfield(L, -2, "incarnation");
    }
}

/* A column of a row; NULL is false. */
static inline void
push_column(lua_State *L, struct query *query, int column)
{
    if (query_column_type(query, column) == COLUMN_INTEGER)
        lua_pushinteger(L, (lua_Integer)query_integer(query, column));
    else if (query_column_type(query, column) == COLUMN_NULL)
        lua_pushboolean(L, false);
    else
        push_bytes(L, query_bytes(query, column));
}

#endif
