/* The Lua module moonvat.kerneltest: a kernel without vats, for the specs of state and kernel.
 *
 * A spec plays the vats: it is given each delivery as a table and answers with a table that says
 * what the vat asks for. See exchange.h. */
#include "exchange.h"
#include "kernel/look/audit.h"
#include "kernel/look/dump.h"
#include "state/bundle.h"
#include "store/query.h"

#define KERNEL_TYPE "moonvat.kerneltest"

struct ltest {
    struct kernel *kernel;
    struct exchange with;
};

static struct ltest *
check_test(lua_State *L)
{
    struct ltest *test = luaL_checkudata(L, 1, KERNEL_TYPE);
    luaL_argcheck(L, test->kernel != NULL, 1, "the kernel is closed");
    arena_reset(&test->with.arena);
    return test;
}

static struct kref
check_kref(lua_State *L, int index)
{
    struct kref kref = kref_parse(to_bytes(L, index));
    luaL_argcheck(L, !kref_is_none(kref), index, "no kref");
    return kref;
}

static uint64_t
check_vat(lua_State *L, int index)
{
    const char *text = luaL_checkstring(L, index);
    luaL_argcheck(L, text[0] == 'v', index, "no vat");
    return strtoull(text + 1, NULL, 10);
}

static void
push_kref(lua_State *L, struct kref kref)
{
    char text[REF_TEXT_MAX];
    if (kref_is_none(kref))
        luaL_pushfail(L);
    else
        lua_pushstring(L, kref_print(kref, text));
}

static int
push_text(lua_State *L, struct buf *text)
{
    lua_pushlstring(L, (const char *)text->data, text->size);
    buf_free(text);
    return 1;
}

/* Opening and closing */

static int
l_open(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    enum db_mode mode = lua_toboolean(L, 2) ? DB_READ : DB_WRITE;
    char *error = NULL;
    struct ltest *test = lua_newuserdatauv(L, sizeof *test, 0);
    memset(test, 0, sizeof *test);
    luaL_setmetatable(L, KERNEL_TYPE);
    test->kernel = kernel_open(path, mode, &error);
    if (test->kernel != NULL)
        return 1;
    luaL_pushfail(L);
    lua_pushstring(L, error);
    free(error);
    return 2;
}

/* Without a commit. */
static int
l_close(lua_State *L)
{
    struct ltest *test = luaL_checkudata(L, 1, KERNEL_TYPE);
    kernel_close(test->kernel);
    arena_free(&test->with.arena);
    buf_free(&test->with.body);
    buf_free(&test->with.syscalls);
    buf_free(&test->with.changes);
    memset(test, 0, sizeof *test);
    return 0;
}

static int
l_commit(lua_State *L)
{
    lua_pushboolean(L, state_commit(kernel_state(check_test(L)->kernel)));
    return 1;
}

static int
l_stopped(lua_State *L)
{
    lua_pushstring(L, kernel_stopped(check_test(L)->kernel));
    return 1;
}

/* Vats */

static int64_t
integer_field(lua_State *L, int index, const char *name, int64_t otherwise)
{
    lua_getfield(L, index, name);
    int64_t value = luaL_optinteger(L, -1, otherwise);
    lua_pop(L, 1);
    return value;
}

static bool
boolean_field(lua_State *L, int index, const char *name, bool otherwise)
{
    bool value = lua_getfield(L, index, name) == LUA_TNIL ? otherwise : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

/* name, { transcript, on_fault, critical, reap_interval, parameters = { krefs and data }, cluster } */
static int
l_start_vat(lua_State *L)
{
    static const char *const policies[] = {"reject", "suspend", "terminate", NULL};
    struct ltest *test = check_test(L);
    struct vat_spec spec = {.name = to_bytes(L, 2), .bundle = bytes_of("b")};
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_getfield(L, 3, "on_fault");
    spec.settings = (struct vat_settings){
        .transcript = boolean_field(L, 3, "transcript", true),
        .time_limit_us = 1000000,
        .memory_limit = 1 << 26,
        .on_fault = (enum fault_policy)luaL_checkoption(L, -1, "reject", policies),
        .critical = boolean_field(L, 3, "critical", false),
        .reap_interval = integer_field(L, 3, "reap_interval", 0),
        .snapshot_interval = 500,
    };
    spec.cluster = (uint64_t)integer_field(L, 3, "cluster", 0);
    lua_getfield(L, 3, "parameters");
    spec.parameters = read_blob(L, &test->with, lua_gettop(L));
    struct crank crank;
    kernel_start_vat(test->kernel, &spec, 0, &crank);
    blob_drop(spec.parameters);
    push_delivery(L, &test->with, &crank);
    return 1;
}

static int
l_start_begin(lua_State *L)
{
    struct ltest *test = check_test(L);
    bundle_store(kernel_state(test->kernel), bytes_of("b"), bytes_of("bundle"), 1, bytes_of("b"));
    kernel_start_begin(test->kernel);
    return 0;
}

static int
l_start_finish(lua_State *L)
{
    struct ltest *test = check_test(L);
    struct outcome outcome = read_outcome(L, &test->with, 2);
    const char *reason = NULL;
    bool good = kernel_start_finish(test->kernel, &outcome, &reason);
    lua_pushboolean(L, good);
    lua_pushstring(L, good ? NULL : reason);
    return 2;
}

static int
l_start_end(lua_State *L)
{
    kernel_start_end(check_test(L)->kernel, lua_toboolean(L, 2));
    return 0;
}

/* vat, bundle ("": the same), parameters (nil: the same): the result's kref */
static int
l_send_upgrade(lua_State *L)
{
    struct ltest *test = check_test(L);
    uint64_t vat = check_vat(L, 2);
    struct bytes bundle = to_bytes(L, 3);
    struct blob *parameters = lua_isnoneornil(L, 4) ? NULL : read_blob(L, &test->with, 4);
    push_kref(L, kernel_send_upgrade(test->kernel, vat, bundle, parameters));
    blob_drop(parameters);
    return 1;
}

static int
l_upgrade_finish(lua_State *L)
{
    struct ltest *test = check_test(L);
    struct outcome outcome = read_outcome(L, &test->with, 2);
    const char *reason = NULL;
    lua_pushboolean(L, kernel_upgrade_finish(test->kernel, &outcome, &reason));
    return 1;
}

static int
l_upgrade_begin(lua_State *L)
{
    struct ltest *test = check_test(L);
    uint64_t vat = check_vat(L, 2);
    struct bytes bundle = to_bytes(L, 3);
    struct blob *parameters = lua_isnoneornil(L, 4) ? NULL : read_blob(L, &test->with, 4);
    struct crank crank;
    kernel_upgrade_begin(test->kernel, vat, bundle, parameters, 0, &crank);
    blob_drop(parameters);
    push_delivery(L, &test->with, &crank);
    return 1;
}

static int
l_upgrade_try(lua_State *L)
{
    struct ltest *test = check_test(L);
    struct outcome outcome = read_outcome(L, &test->with, 2);
    const char *reason = NULL;
    lua_pushboolean(L, kernel_upgrade_try(test->kernel, &outcome, lua_toboolean(L, 3), &reason));
    lua_pushstring(L, reason);
    return 2;
}

static int
l_terminate(lua_State *L)
{
    struct ltest *test = check_test(L);
    lua_pushboolean(
        L, kernel_terminate_vat(test->kernel, check_vat(L, 2), luaL_optstring(L, 3, "told to")));
    return 1;
}

static int
l_suspend(lua_State *L)
{
    struct ltest *test = check_test(L);
    lua_pushboolean(L, kernel_suspend_vat(test->kernel, check_vat(L, 2)));
    return 1;
}

static int
l_resume(lua_State *L)
{
    struct ltest *test = check_test(L);
    lua_pushboolean(L, kernel_resume_vat(test->kernel, check_vat(L, 2)));
    return 1;
}

/* Cranks */

static int
l_begin(lua_State *L)
{
    static const char *const steps[] = {[CRANK_IDLE] = "idle",
        [CRANK_DONE] = "done",
        [CRANK_DELIVER] = "deliver",
        [CRANK_UPGRADE] = "upgrade",
        [CRANK_STOPPED] = "stopped"};
    struct ltest *test = check_test(L);
    struct crank crank;
    enum crank_step step = crank_begin(test->kernel, 0, &crank);
    lua_pushstring(L, steps[step]);
    if (step != CRANK_DELIVER && step != CRANK_UPGRADE)
        return 1;
    push_delivery(L, &test->with, &crank);
    return 2;
}

static int
l_finish(lua_State *L)
{
    struct ltest *test = check_test(L);
    struct outcome outcome = read_outcome(L, &test->with, 2);
    lua_pushboolean(L, crank_finish(test->kernel, &outcome));
    return 1;
}

static int
l_cannot_load(lua_State *L)
{
    crank_cannot_load(check_test(L)->kernel, luaL_checkstring(L, 2));
    return 0;
}

/* References */

static int
l_root(lua_State *L)
{
    struct ltest *test = check_test(L);
    push_kref(L, kernel_root(test->kernel, check_vat(L, 2)));
    return 1;
}

static int
l_exists(lua_State *L)
{
    struct ltest *test = check_test(L);
    lua_pushboolean(L, kernel_exists(test->kernel, check_kref(L, 2)));
    return 1;
}

static int
l_hold(lua_State *L)
{
    struct ltest *test = check_test(L);
    kernel_hold(test->kernel, check_kref(L, 2));
    return 0;
}

static int
l_release(lua_State *L)
{
    struct ltest *test = check_test(L);
    kernel_release(test->kernel, check_kref(L, 2));
    return 0;
}

static int
l_pin(lua_State *L)
{
    struct ltest *test = check_test(L);
    kernel_pin(test->kernel, check_kref(L, 2));
    return 0;
}

static int
l_unpin(lua_State *L)
{
    struct ltest *test = check_test(L);
    lua_pushboolean(L, kernel_unpin(test->kernel, check_kref(L, 2)));
    return 1;
}

static int
l_revoke(lua_State *L)
{
    struct ltest *test = check_test(L);
    lua_pushboolean(L, kernel_revoke(test->kernel, check_kref(L, 2)));
    return 1;
}

/* target, method, { krefs and data }: the result's kref */
static int
l_send(lua_State *L)
{
    struct ltest *test = check_test(L);
    struct kref target = check_kref(L, 2);
    struct bytes method = to_bytes(L, 3);
    struct blob *arguments = read_blob(L, &test->with, 4);
    push_kref(L, kernel_send(test->kernel, target, method, arguments));
    blob_drop(arguments);
    return 1;
}

/* The state of a promise, and its value as Lua. */
static int
l_outcome(lua_State *L)
{
    static const char *const states[] = {"unresolved", "fulfilled", "rejected"};
    struct ltest *test = check_test(L);
    struct blob *value;
    struct buf text = {0};
    lua_pushstring(L, states[kernel_outcome(test->kernel, check_kref(L, 2), &value)]);
    if (value == NULL)
        return 1;
    show_body(&text, blob_bytes(value), blob_slot, value);
    return 1 + push_text(L, &text);
}

/* Looking */

static int
l_audit(lua_State *L)
{
    struct buf text = {0};
    kernel_audit(check_test(L)->kernel, &text);
    return push_text(L, &text);
}

static int
l_dump(lua_State *L)
{
    struct buf text = {0};
    kernel_dump(check_test(L)->kernel, &text);
    return push_text(L, &text);
}

static int
l_holders(lua_State *L)
{
    struct ltest *test = check_test(L);
    struct buf text = {0};
    kernel_holders(test->kernel, check_kref(L, 2), &text);
    return push_text(L, &text);
}

/* Runs a statement on what is in memory and in the file: a list of rows, each a list. NULL is
   false. */
static int
l_sql(lua_State *L)
{
    struct ltest *test = check_test(L);
    const char *sql = luaL_checkstring(L, 2);
    if (db_is_writable(state_db(kernel_state(test->kernel))))
        state_flush(kernel_state(test->kernel));
    lua_newtable(L);
    struct query *query = db_query_text(state_db(kernel_state(test->kernel)), sql, "");
    for (lua_Integer row = 1; query_next(query); row++) {
        int columns = query_columns(query);
        lua_createtable(L, columns, 0);
        for (int i = 0; i < columns; i++) {
            push_column(L, query, i);
            lua_seti(L, -2, i + 1);
        }
        lua_seti(L, -2, row);
    }
    query_end(query);
    return 1;
}

static const luaL_Reg functions[] = {
    {"open", l_open},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"close", l_close},
    {"commit", l_commit},
    {"stopped", l_stopped},
    {"start_begin", l_start_begin},
    {"start_vat", l_start_vat},
    {"start_finish", l_start_finish},
    {"start_end", l_start_end},
    {"send_upgrade", l_send_upgrade},
    {"upgrade_finish", l_upgrade_finish},
    {"upgrade_begin", l_upgrade_begin},
    {"upgrade_try", l_upgrade_try},
    {"terminate", l_terminate},
    {"suspend", l_suspend},
    {"resume", l_resume},
    {"begin", l_begin},
    {"finish", l_finish},
    {"cannot_load", l_cannot_load},
    {"root", l_root},
    {"exists", l_exists},
    {"hold", l_hold},
    {"release", l_release},
    {"pin", l_pin},
    {"unpin", l_unpin},
    {"revoke", l_revoke},
    {"send", l_send},
    {"outcome", l_outcome},
    {"audit", l_audit},
    {"dump", l_dump},
    {"holders", l_holders},
    {"sql", l_sql},
    {NULL, NULL},
};

static const luaL_Reg meta[] = {
    {"__gc", l_close},
    {"__close", l_close},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_moonvat_kerneltest(lua_State *L);

int
luaopen_moonvat_kerneltest(lua_State *L)
{
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, KERNEL_TYPE ".sql");
    luaL_newmetatable(L, KERNEL_TYPE);
    luaL_setfuncs(L, meta, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
