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
#include <sys/mman.h>
#include <time.h>

#include "lone.h"
#include "madeup.h"

int luaopen_moonvat_test(lua_State *L);

static const char VAT_TYPE[] = "moonvat.test.vat";

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
