/* What moonvat.test says to a lone vat and hears from it: references, values, deliveries and outcomes
 * as Lua values. Its texts are data; a reference is a userdata, which knows its interface. */
#ifndef SPEC_NATIVE_LONE_H
#define SPEC_NATIVE_LONE_H

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "base/read.h"
#include "value/errorvalue.h"
#include "value/marshal.h"
#include "value/unmarshal.h"
#include "vat/vat.h"

static const char REF_TYPE[] = "moonvat.test.ref";
static const char *const delivery_kinds[] = {"none", "message", "notify", "drop_exports",
    "retire_exports", "retire_imports", "bring_out_your_dead", "start_vat", NULL};

/* References */

struct test_ref {
    struct vref vref;
};

static void
push_ref(lua_State *L, struct vref vref, struct bytes interface)
{
    struct test_ref *ref = lua_newuserdatauv(L, sizeof *ref, 1);
    ref->vref = vref;
    lua_pushlstring(L, (const char *)interface.data, interface.size);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, REF_TYPE);
}

static struct vref
check_vref(lua_State *L, int index)
{
    struct test_ref *ref = luaL_testudata(L, index, REF_TYPE);
    if (ref != NULL)
        return ref->vref;
    struct bytes text;
    text.data = (const uint8_t *)luaL_checklstring(L, index, &text.size);
    struct vref vref = vref_parse(text);
    if (vref_is_none(vref))
        luaL_error(L, "'%s' is no reference", lua_tostring(L, index));
    return vref;
}

static void
push_vref(lua_State *L, struct vref vref)
{
    char text[REF_TEXT_MAX];
    lua_pushstring(L, vref_print(vref, text));
}

static int
l_ref(lua_State *L)
{
    struct bytes interface;
    struct vref vref = check_vref(L, 1);
    interface.data = (const uint8_t *)luaL_optlstring(L, 2, "", &interface.size);
    push_ref(L, vref, interface);
    return 1;
}

static int
l_ref_tostring(lua_State *L)
{
    push_vref(L, check_vref(L, 1));
    return 1;
}

static int
l_ref_interface(lua_State *L)
{
    luaL_checkudata(L, 1, REF_TYPE);
    lua_getiuservalue(L, 1, 1);
    return 1;
}

static int
l_ref_eq(lua_State *L)
{
    lua_pushboolean(L, vref_equal(check_vref(L, 1), check_vref(L, 2)));
    return 1;
}

/* Values */

static bool
refer(lua_State *L, void *context, int index, struct marshal_ref *out)
{
    (void)context;
    const struct test_ref *ref = luaL_testudata(L, index, REF_TYPE);
    if (ref == NULL)
        return false;
    lua_getiuservalue(L, index, 1);
    out->interface.data = (const uint8_t *)lua_tolstring(L, -1, &out->interface.size);
    lua_pop(L, 1);
    out->word = ref->vref.word;
    out->promise = vref_is_promise(ref->vref);
    return true;
}

static void
push_slot(lua_State *L, void *context, uint64_t slot, bool promise, struct bytes interface)
{
    const struct capdata *value = context;
    if (slot >= value->slot_count || vref_is_promise(value->slots[slot].vref) != promise)
        luaL_error(L, "the value's slots are wrong");
    push_ref(L, value->slots[slot].vref, interface);
}

static const struct marshal_ops ops = {.refer = refer, .push = push_slot};

/* The list at index as capdata; n is its field n, or its length. */
static struct capdata
get_capdata(lua_State *L, int index, struct arena *arena)
{
    static struct marshal_out out;
    index = lua_absindex(L, index);
    if (lua_isnil(L, index)) {
        lua_newtable(L);
        lua_replace(L, index);
    }
    luaL_checktype(L, index, LUA_TTABLE);
    lua_Integer count = lua_getfield(L, index, "n") == LUA_TNIL ? (lua_Integer)lua_rawlen(L, index)
                                                                : luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    luaL_checkstack(L, (int)count + 8, NULL);
    int first = lua_gettop(L) + 1;
    for (lua_Integer i = 1; i <= count; i++)
        lua_rawgeti(L, index, i);
    marshal_encode(L, first, (int)count, (struct marshal_path){"args", true}, &out, &ops, NULL);
    lua_settop(L, first - 1);
    struct slot *slots = arena_take(arena, out.slots.count * sizeof *slots);
    for (size_t i = 0; i < out.slots.count; i++)
        slots[i] = out.slots.items[i];
    return (struct capdata){arena_copy(arena, buf_view(&out.body)), slots, out.slots.count};
}

/* Pushes the values as a list with n. */
static void
push_capdata(lua_State *L, const struct capdata *value)
{
    lua_newtable(L);
    int list = lua_gettop(L);
    int count = unmarshal_push(L, value->body, &ops, (void *)(uintptr_t)value);
    for (int i = count; i >= 1; i--)
        lua_rawseti(L, list, i);
    lua_pushinteger(L, count);
    lua_setfield(L, list, "n");
}

/* Deliveries */

static struct bytes
get_text(lua_State *L, int index, const char *field)
{
    struct bytes text = {(const uint8_t *)"", 0};
    if (lua_getfield(L, index, field) != LUA_TNIL)
        text.data = (const uint8_t *)luaL_checklstring(L, -1, &text.size);
    lua_pop(L, 1); /* the table keeps it */
    return text;
}

static struct vref
get_vref(lua_State *L, int index, const char *field)
{
    struct vref vref = VREF_NONE;
    if (lua_getfield(L, index, field) != LUA_TNIL)
        vref = check_vref(L, -1);
    lua_pop(L, 1);
    return vref;
}

static struct settlement
get_settlement(lua_State *L, int index, struct arena *arena)
{
    static const char *const states[] = {"none", "fulfilled", "rejected", NULL};
    struct settlement settlement = {.promise = get_vref(L, index, "promise")};
    lua_getfield(L, index, "state");
    settlement.state = (enum settle_state)luaL_checkoption(L, -1, NULL, states);
    lua_getfield(L, index, "values");
    settlement.value = get_capdata(L, lua_gettop(L), arena);
    lua_pop(L, 2);
    return settlement;
}

static void
get_lists(lua_State *L, int index, struct arena *arena, struct delivery *delivery)
{
    size_t count = lua_rawlen(L, index);
    struct settlement *settlements = arena_take(arena, count * sizeof *settlements);
    struct vref *refs = arena_take(arena, count * sizeof *refs);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        if (delivery->kind == DELIVER_NOTIFY)
            settlements[i] = get_settlement(L, lua_gettop(L), arena);
        else
            refs[i] = check_vref(L, -1);
        lua_pop(L, 1);
    }
    delivery->settlements = settlements;
    delivery->settlement_count = delivery->kind == DELIVER_NOTIFY ? count : 0;
    delivery->refs = refs;
    delivery->ref_count = delivery->kind == DELIVER_NOTIFY ? 0 : count;
}

/* Appends the delivery that the table at index describes. A string is bytes as they are. */
static void
encode_delivery(lua_State *L, int index, struct buf *buf)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        buf_append(buf, lua_tostring(L, index), lua_rawlen(L, index));
        return;
    }
    struct arena arena = {NULL, 0};
    struct delivery delivery = {0};
    luaL_checktype(L, index, LUA_TTABLE);
    lua_getfield(L, index, "kind");
    delivery.kind = (enum delivery_kind)luaL_checkoption(L, -1, NULL, delivery_kinds);
    lua_getfield(L, index, "now");
    delivery.now = luaL_optnumber(L, -1, 1e9);
    lua_getfield(L, index, "incarnation");
    delivery.incarnation = (uint64_t)luaL_optinteger(L, -1, 0);
    lua_getfield(L, index, "budget_exceeded");
    delivery.budget_exceeded = lua_toboolean(L, -1) != 0;
    delivery.target = get_vref(L, index, "target");
    delivery.result = get_vref(L, index, "result");
    delivery.method = get_text(L, index, "method");
    delivery.name = get_text(L, index, "name");
    lua_getfield(L, index, "args");
    delivery.value = get_capdata(L, lua_gettop(L), &arena);
    get_lists(L, index, &arena, &delivery);
    delivery_encode(buf, &delivery);
    arena_free(&arena);
}

/* Outcomes */

static void
push_settlement(lua_State *L, const struct settlement *settlement)
{
    static const char *const states[] = {"none", "fulfilled", "rejected", "follow"};
    lua_newtable(L);
    push_vref(L, settlement->promise);
    lua_setfield(L, -2, "promise");
    lua_pushstring(L, states[settlement->state]);
    lua_setfield(L, -2, "state");
    if (settlement->state == SETTLE_FOLLOW) {
        push_vref(L, settlement->follow);
        lua_setfield(L, -2, "follow");
    } else {
        push_capdata(L, &settlement->value);
        lua_setfield(L, -2, "values");
    }
}

static void
push_send(lua_State *L, const struct syscall *syscall)
{
    push_vref(L, syscall->target);
    lua_setfield(L, -2, "target");
    if (!vref_is_none(syscall->result)) {
        push_vref(L, syscall->result);
        lua_setfield(L, -2, "result");
    }
    lua_pushlstring(L, (const char *)syscall->method.data, syscall->method.size);
    lua_setfield(L, -2, "method");
    push_capdata(L, &syscall->value);
    lua_setfield(L, -2, "args");
    lua_newtable(L); /* interfaces said for the first time */
    for (size_t i = 0; i < syscall->value.slot_count; i++) {
        struct bytes interface = syscall->value.slots[i].interface;
        push_vref(L, syscall->value.slots[i].vref);
        lua_pushlstring(L, (const char *)interface.data, interface.size);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "interfaces");
}

static void
push_syscall(lua_State *L, const struct syscall *syscall)
{
    lua_newtable(L);
    lua_pushstring(L, syscall_name(syscall->kind));
    lua_setfield(L, -2, "kind");
    if (syscall->kind == SYSCALL_SEND) {
        push_send(L, syscall);
    } else if (syscall->kind == SYSCALL_SUBSCRIBE) {
        push_vref(L, syscall->target);
        lua_setfield(L, -2, "promise");
    } else if (syscall->kind == SYSCALL_EXIT) {
        lua_pushboolean(L, syscall->failure);
        lua_setfield(L, -2, "failure");
        push_capdata(L, &syscall->value);
        lua_setfield(L, -2, "values");
    } else if (syscall->kind == SYSCALL_RESOLVE) {
        for (size_t i = 0; i < syscall->settlement_count; i++) {
            push_settlement(L, &syscall->settlements[i]);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
    } else {
        for (size_t i = 0; i < syscall->ref_count; i++) {
            push_vref(L, syscall->refs[i]);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
    }
}

static void
push_syscalls(lua_State *L, struct bytes bytes)
{
    struct arena arena = {NULL, 0};
    const struct syscall *list;
    size_t count;
    if (!syscalls_decode(bytes, &arena, &list, &count))
        luaL_error(L, "the outcome's syscalls are malformed");
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        push_syscall(L, &list[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    arena_free(&arena);
}

static void
set_bytes(lua_State *L, const char *field, struct bytes bytes)
{
    lua_pushlstring(L, (const char *)bytes.data, bytes.size);
    lua_setfield(L, -2, field);
}

/* before and after are bodies as bytes, and nil where there is no such key. */
static void
push_changes(lua_State *L, struct bytes bytes)
{
    struct reader reader = reader_of(bytes);
    struct change change;
    lua_newtable(L);
    for (lua_Integer i = 1; change_decode(&reader, &change); i++) {
        lua_newtable(L);
        lua_pushstring(L, change.space == SPACE_VATSTORE ? "vatstore" : "durable");
        lua_setfield(L, -2, "space");
        set_bytes(L, "key", change.key);
        if (change.before.present)
            set_bytes(L, "before", change.before.body);
        if (change.after.present) {
            set_bytes(L, "after", change.after.body);
            set_bytes(L, "slots", change.after.slots);
        }
        lua_rawseti(L, -2, i);
    }
    if (reader.bad)
        luaL_error(L, "the outcome's changes are malformed");
}

static void
push_log(lua_State *L, const struct outcome *outcome)
{
    static const char *const levels[] = {"print", "unhandled", "fault", "notice"};
    lua_newtable(L);
    for (size_t i = 0; i < outcome->log_count; i++) {
        lua_newtable(L);
        lua_pushstring(L, levels[outcome->log[i].level]);
        lua_setfield(L, -2, "level");
        set_bytes(L, "text", outcome->log[i].text);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void
push_outcome(lua_State *L, const struct outcome *outcome)
{
    static const char *const faults[] = {NULL, "time", "memory", "instructions", "start", "broken"};
    lua_newtable(L);
    lua_pushstring(L, faults[outcome->fault]);
    lua_setfield(L, -2, "fault");
    lua_pushstring(L, outcome->reason);
    lua_setfield(L, -2, "reason");
    set_bytes(L, "interface", outcome->interface);
    push_syscalls(L, outcome->syscalls);
    lua_setfield(L, -2, "syscalls");
    set_bytes(L, "syscall_bytes", outcome->syscalls);
    push_changes(L, outcome->changes);
    lua_setfield(L, -2, "changes");
    set_bytes(L, "change_bytes", outcome->changes);
    push_log(L, outcome);
    lua_setfield(L, -2, "log");
}

#endif
