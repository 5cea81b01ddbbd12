/* The module moonvat.test: one vat without a kernel, for specs. A delivery is described as a Lua
 * table, and an outcome is given back as one. References are test.ref("o-3", "Counter").
 *
 *   local v = test.vat { main = "return function ... end", modules = { util = "..." } }
 *   v:deliver { kind = "start_vat", name = "main", incarnation = 0, args = { {} } }
 *   v:deliver { kind = "message", target = "o+0", result = "p-1", method = "m", args = { 1, n = 1 } }
 *   v:deliver { kind = "notify", { promise = "p+1", state = "fulfilled", values = { 7 } } }
 *   v:keep() v:undo()
 *   test.vat { main = ..., image = v:save() } -- v must be closed first
 *
 * After v:page("vatstore") the rows that load() and keep() bring lie behind a paged table, and
 * v:fetched("vatstore") tells how many rows, in how many scans, it has asked for.
 */
#include <fenv.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <lauxlib.h>
#include <lua.h>

#include "base/read.h"
#include "madeup.h"
#include "value/errorvalue.h"
#include "value/marshal.h"
#include "value/unmarshal.h"
#include "vat/vat.h"

int luaopen_moonvat_test(lua_State *L);

static const char VAT_TYPE[] = "moonvat.test.vat";
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

/* Vats */

struct box {
    struct vat *vat;          /* NULL: closed */
    struct madeup *behind[2]; /* by space; NULL: not paged */
    struct bytes changes;     /* of the outcome that is open */
};

static struct box *
check_box(lua_State *L)
{
    struct box *box = luaL_checkudata(L, 1, VAT_TYPE);
    if (box->vat == NULL)
        luaL_error(L, "this vat is closed");
    return box;
}

static struct vat *
check_vat(lua_State *L)
{
    return check_box(L)->vat;
}

static enum change_space
check_space(lua_State *L)
{
    static const char *const spaces[] = {"vatstore", "durable", NULL};
    return (enum change_space)luaL_checkoption(L, 2, NULL, spaces);
}

static double
get_number(lua_State *L, const char *field, double fallback)
{
    lua_getfield(L, 1, field);
    double number = luaL_optnumber(L, -1, fallback);
    lua_pop(L, 1);
    return number;
}

/* Reads the main chunk and the modules, sorted by nothing: as they come. */
static size_t
get_modules(lua_State *L, struct vat_module *modules, size_t room)
{
    modules[0].source = get_text(L, 1, "main");
    lua_getfield(L, 1, "file");
    modules[0].name = bytes_of(luaL_optstring(L, -1, "main.lua"));
    size_t count = 1;
    if (lua_getfield(L, 1, "modules") == LUA_TNIL)
        return count;
    for (lua_pushnil(L); lua_next(L, -2) && count < room; lua_pop(L, 1), count++) {
        struct vat_module *module = &modules[count];
        module->name.data = (const uint8_t *)luaL_checklstring(L, -2, &module->name.size);
        module->source.data = (const uint8_t *)luaL_checklstring(L, -1, &module->source.size);
    }
    return count;
}

/* How many times slower the build is: see pace.lua. */
static double
slow(void)
{
    const char *times = getenv("MOONVAT_SLOW");
    return times == NULL ? 1 : atof(times);
}

static int
l_vat(lua_State *L)
{
    struct vat_module modules[16];
    luaL_checktype(L, 1, LUA_TTABLE);
    struct vat_options options = {
        .number = (uint64_t)get_number(L, "number", 1),
        .time_limit = get_number(L, "time_limit", 1) * slow(),
        .instruction_budget = (uint64_t)get_number(L, "instruction_budget", 0),
        .memory_limit = (uint64_t)get_number(L, "memory_limit", 64 << 20),
    };
    size_t count = get_modules(L, modules, 16);
    struct box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (struct box){0};
    luaL_setmetatable(L, VAT_TYPE);
    const char *reason = NULL;
    struct bytes image = {NULL, 0};
    lua_getfield(L, 1, "image");
    image.data = (const uint8_t *)luaL_optlstring(L, -1, NULL, &image.size);
    lua_pop(L, 1); /* the options keep it */
    box->vat = image.data == NULL ? vat_open(&options, modules, count, &reason)
                                  : vat_open_image(&options, modules, count, image, &reason);
    return box->vat != NULL ? 1 : luaL_error(L, "%s", reason);
}

static int
l_page(lua_State *L)
{
    struct box *box = check_box(L);
    enum change_space space = check_space(L);
    box->behind[space] = madeup_page(box->vat, space);
    return 0;
}

static int
l_fetched(lua_State *L)
{
    struct box *box = check_box(L);
    const struct madeup *behind = box->behind[check_space(L)];
    lua_pushinteger(L, behind == NULL ? 0 : (lua_Integer)behind->fetched);
    lua_pushinteger(L, behind == NULL ? 0 : (lua_Integer)behind->scans);
    return 2;
}

static int
l_load(lua_State *L)
{
    struct box *box = check_box(L);
    enum change_space space = check_space(L);
    struct bytes key, body, slots;
    key.data = (const uint8_t *)luaL_checklstring(L, 3, &key.size);
    body.data = (const uint8_t *)luaL_checklstring(L, 4, &body.size);
    slots.data = (const uint8_t *)luaL_optlstring(L, 5, "", &slots.size);
    if (box->behind[space] == NULL)
        vat_load(box->vat, space, key, body, slots);
    else
        madeup_set(box->behind[space], key, body, slots);
    return 0;
}

/* v:deliver(delivery[, "live" or "replay"]) */
static int
l_deliver(lua_State *L)
{
    static const char *const modes[] = {"live", "replay", NULL};
    struct box *box = check_box(L);
    enum vat_mode mode = (enum vat_mode)luaL_checkoption(L, 3, "live", modes);
    struct buf buf = {0};
    struct outcome outcome;
    encode_delivery(L, 2, &buf);
    vat_deliver(box->vat, buf_view(&buf), mode, &outcome);
    box->changes = outcome.changes;
    buf_free(&buf);
    push_outcome(L, &outcome);
    return 1;
}

static void
keep(struct box *box)
{
    for (int space = 0; space < 2; space++) {
        if (box->behind[space] != NULL)
            madeup_apply(box->behind[space], (enum change_space)space, box->changes);
    }
    box->changes = (struct bytes){NULL, 0};
    vat_keep(box->vat);
}

/* v:repeat_delivery(count, delivery): keeps each; returns the seconds that one takes. */
static int
l_repeat(lua_State *L)
{
    struct box *box = check_box(L);
    lua_Integer count = luaL_checkinteger(L, 2);
    struct buf buf = {0};
    struct outcome outcome = {.fault = VAT_OK};
    struct timespec begin, end;
    encode_delivery(L, 3, &buf);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (lua_Integer i = 0; i < count && outcome.fault == VAT_OK; i++) {
        vat_deliver(box->vat, buf_view(&buf), VAT_LIVE, &outcome);
        box->changes = outcome.changes;
        keep(box);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    buf_free(&buf);
    double seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9;
    lua_pushnumber(L, seconds / (double)count);
    push_outcome(L, &outcome);
    return 2;
}

static int
l_keep(lua_State *L)
{
    keep(check_box(L));
    return 0;
}

static int
l_undo(lua_State *L)
{
    struct box *box = check_box(L);
    box->changes = (struct bytes){NULL, 0};
    vat_undo(box->vat);
    return 0;
}

static int
l_save(lua_State *L)
{
    struct buf image = {0};
    vat_save(check_vat(L), &image);
    lua_pushlstring(L, (const char *)image.data, image.size);
    buf_free(&image);
    return 1;
}

static int
l_heap_hash(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)vat_heap_hash(check_vat(L)));
    return 1;
}

static int
l_heap_used(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)vat_heap_used(check_vat(L)));
    return 1;
}

static int
l_heap_live(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)vat_heap_live(check_vat(L)));
    return 1;
}

static int
l_memory(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)vat_memory(check_vat(L)));
    return 1;
}

/* Bytes of the heap that are in the machine's memory. */
static int
l_resident(lua_State *L)
{
    const struct vat *vat = check_vat(L);
    uint8_t *at = (uint8_t *)(uintptr_t)vat_base(vat);
    lua_Integer bytes = 0;
    for (uint64_t i = 0; i < vat_heap_used(vat); i += 4096) {
        unsigned char resident = 0;
        if (mincore(at + i, 4096, &resident) == 0 && (resident & 1) != 0)
            bytes += 4096;
    }
    lua_pushinteger(L, bytes);
    return 1;
}

static int
l_trim(lua_State *L)
{
    vat_trim(check_vat(L));
    vat_trim_shared();
    return 0;
}

static int
l_close(lua_State *L)
{
    struct box *box = luaL_checkudata(L, 1, VAT_TYPE);
    vat_close(box->vat);
    *box = (struct box){0};
    return 0;
}

static void *
run_thread(void *state)
{
    lua_State *L = state;
    lua_pushboolean(L, lua_pcall(L, 0, 0, 0) == LUA_OK);
    return NULL;
}

/* thread(f): calls f in a thread of its own, and waits for its end */
static int
l_thread(lua_State *L)
{
    pthread_t thread;
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    if (pthread_create(&thread, NULL, run_thread, L) != 0 || pthread_join(thread, NULL) != 0)
        return luaL_error(L, "no thread");
    if (lua_toboolean(L, -1))
        return 0;
    lua_pop(L, 1);
    return lua_error(L);
}

/* As csrc/vat/machine/stack.c maps it. */
#define STACK_END UINT64_C(0x200801000000)
#define SCRIBBLED (UINT64_C(1) << 20) /* bytes of it, which is deeper than vats call */

/* scribble(byte): as if whoever ran before had left nothing else on the C stack that vats run on */
__attribute__((no_sanitize_address)) static int
l_scribble(lua_State *L)
{
    static unsigned char resident[SCRIBBLED / 4096];
    uint8_t byte = (uint8_t)luaL_checkinteger(L, 1);
    volatile uint8_t *bytes = (volatile uint8_t *)(STACK_END - SCRIBBLED);
    if (mincore((void *)(STACK_END - SCRIBBLED), SCRIBBLED, resident) != 0)
        return luaL_error(L, "the vats' stack lies elsewhere");
    for (size_t i = 0; i < SCRIBBLED; i++)
        bytes[i] = byte;
    return 0;
}

/* round(how): how this process rounds floats from now on: "up" or "nearest". True when it does:
   valgrind always rounds to the nearest. */
static int
l_round(lua_State *L)
{
    static const char *const names[] = {"nearest", "up", NULL};
    static const int modes[] = {FE_TONEAREST, FE_UPWARD};
    int how = luaL_checkoption(L, 1, NULL, names);
    fesetround(modes[how]);
    volatile double one = 1, three = 3;
    bool is_up = one / three > 1.0 / 3;
    lua_pushboolean(L, is_up == (how == 1));
    return 1;
}

static const luaL_Reg functions[] = {
    {"vat", l_vat},
    {"ref", l_ref},
    {"round", l_round},
    {"scribble", l_scribble},
    {"thread", l_thread},
    {NULL, NULL},
};

static const luaL_Reg vat_methods[] = {
    {"load", l_load},
    {"page", l_page},
    {"fetched", l_fetched},
    {"deliver", l_deliver},
    {"repeat_delivery", l_repeat},
    {"keep", l_keep},
    {"undo", l_undo},
    {"save", l_save},
    {"heap_hash", l_heap_hash},
    {"heap_used", l_heap_used},
    {"heap_live", l_heap_live},
    {"memory", l_memory},
    {"resident", l_resident},
    {"trim", l_trim},
    {"close", l_close},
    {"__gc", l_close},
    {"__close", l_close},
    {NULL, NULL},
};

static const luaL_Reg ref_methods[] = {
    {"interface", l_ref_interface},
    {"__tostring", l_ref_tostring},
    {"__eq", l_ref_eq},
    {NULL, NULL},
};

static void
make_type(lua_State *L, const char *name, const luaL_Reg *methods)
{
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

__attribute__((visibility("default"))) int
luaopen_moonvat_test(lua_State *L)
{
    errorvalue_open(L);
    make_type(L, VAT_TYPE, vat_methods);
    make_type(L, REF_TYPE, ref_methods);
    luaL_newlib(L, functions);
    return 1;
}
