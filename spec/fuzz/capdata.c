/* Any body with any slots: it is refused, or its values encode again, and that is canonical.
 *
 * Each second input is the body as it is, the others say what to make one of, wrong here and there:
 * deep tables, all heads, references. */
#include <string.h>

#include <lauxlib.h>

#include "base/cbor.h"
#include "base/read.h"
#include "base/show.h"
#include "fuzz.h"
#include "value/errorvalue.h"
#include "value/marshal.h"
#include "value/unmarshal.h"

#define REF_TYPE "fuzz.ref"

struct fuzz_ref {
    struct vref vref;
};

struct sample {
    struct capdata value;
    struct marshal_out out;
    int count;
};

static bool
refer(lua_State *L, void *context, int index, struct marshal_ref *ref)
{
    (void)context;
    const struct fuzz_ref *own = luaL_testudata(L, index, REF_TYPE);
    if (own == NULL)
        return false;
    lua_getiuservalue(L, index, 1);
    ref->interface.data = (const uint8_t *)lua_tolstring(L, -1, &ref->interface.size);
    lua_pop(L, 1);
    ref->word = own->vref.word;
    ref->promise = vref_is_promise(own->vref);
    return true;
}

static void
push(lua_State *L, void *context, uint64_t slot, bool promise, struct bytes interface)
{
    const struct sample *sample = context;
    const struct capdata *value = &sample->value;
    if (slot >= value->slot_count || vref_is_promise(value->slots[slot].vref) != promise)
        luaL_error(L, "malformed value");
    struct fuzz_ref *ref = lua_newuserdatauv(L, sizeof *ref, 1);
    ref->vref = value->slots[slot].vref;
    lua_pushlstring(L, (const char *)interface.data, interface.size);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, REF_TYPE);
}

static const struct marshal_ops ops = {.refer = refer, .push = push};

static int
decode(lua_State *L)
{
    struct sample *sample = lua_touserdata(L, 1);
    lua_settop(L, 0);
    sample->count = unmarshal_push(L, sample->value.body, &ops, sample);
    FUZZ_CHECK(lua_gettop(L) == sample->count);
    return sample->count;
}

static int
encode(lua_State *L)
{
    struct sample *sample = lua_touserdata(L, 1);
    marshal_encode(
        L, 2, sample->count, (struct marshal_path){"args", true}, &sample->out, &ops, sample);
    return 0;
}

/* Decodes the sample and encodes its values; false when it is refused. */
static bool
pass(struct sample *sample)
{
    lua_State *L = luaL_newstate();
    errorvalue_open(L);
    luaL_newmetatable(L, REF_TYPE);
    lua_settop(L, 0);
    lua_pushcfunction(L, decode);
    lua_pushlightuserdata(L, sample);
    bool good = lua_pcall(L, 1, LUA_MULTRET, 0) == LUA_OK;
    if (!good) {
        const char *why = lua_tostring(L, -1);
        FUZZ_CHECK(why != NULL && strcmp(why, "malformed value") == 0);
    } else {
        lua_pushcfunction(L, encode);
        lua_insert(L, 1);
        lua_pushlightuserdata(L, sample);
        lua_insert(L, 2);
        if (lua_pcall(L, sample->count + 1, 0, 0) != LUA_OK)
            FUZZ_FAIL("it decodes and does not encode: %s", luaL_tolstring(L, -1, NULL));
    }
    lua_close(L);
    return good;
}

static const char *
print_slot(const void *context, uint64_t index, char *text)
{
    const struct capdata *value = context;
    if (index >= value->slot_count)
        return "malformed";
    return vref_print(value->slots[index].vref, text);
}

/* Text for people is safe to print, and shows whatever decodes. */
static void
check_shown(const struct capdata *value, bool decodes)
{
    struct buf text = {0};
    show_body(&text, value->body, print_slot, value);
    for (size_t i = 0; i < text.size; i++)
        FUZZ_CHECK(text.data[i] >= ' ' && text.data[i] < 0x7f);
    const char *shown = buf_string(&text);
    size_t size = strlen(shown);
    bool refused = size >= 9 && strcmp(shown + size - 9, "malformed") == 0;
    FUZZ_CHECK(!decodes || !refused);
    buf_free(&text);
}

static void
check_walked(const struct capdata *value, bool decodes)
{
    struct reader reader = reader_of(value->body);
    bool skipped = cbor_skip(&reader) && reader.at == reader.end;
    uint64_t slot = 0;
    bool single = cbor_single_object(value->body, &slot);
    FUZZ_CHECK(!decodes || skipped);
    FUZZ_CHECK(!single || skipped);
    FUZZ_CHECK(!single || !decodes || slot < value->slot_count);
}

/* Bodies made by what the input says */

static void make_value(struct buf *body, struct reader *input, size_t depth);

static void
make_head(struct buf *body, struct reader *input)
{
    buf_byte(body, (unsigned)choose(input, 256));
    struct bytes rest = take(input, choose(input, 9));
    buf_append(body, rest.data, rest.size);
}

static void
make_table(struct buf *body, struct reader *input, size_t depth, bool map)
{
    size_t count = choose(input, 5);
    size_t said = rarely(input, 32) ? choose(input, 256) : count;
    cbor_head(body, map ? CBOR_MAP : CBOR_ARRAY, said);
    for (size_t i = 0; i < count; i++) {
        if (map)
            make_value(body, input, depth + 8);
        make_value(body, input, depth + 1);
    }
}

static void
make_reference(struct buf *body, struct reader *input)
{
    bool promise = choose(input, 2) != 0;
    cbor_head(body, CBOR_TAG, promise ? CBOR_TAG_PROMISE : CBOR_TAG_OBJECT);
    if (!promise)
        cbor_head(body, CBOR_ARRAY, rarely(input, 32) ? 3 : 2);
    cbor_integer(body, (int64_t)choose(input, 9) - rarely(input, 32));
    if (!promise)
        cbor_string(body, take(input, choose(input, 4)));
}

/* One table in the other, as many as there may be, and a few more or less. */
static void
make_depth(struct buf *body, struct reader *input)
{
    bool map = choose(input, 2) != 0;
    bool errors = rarely(input, 4);
    for (size_t i = CBOR_DEPTH_MAX - 4 + choose(input, 8); i > 0; i--) {
        if (errors)
            cbor_head(body, CBOR_TAG, CBOR_TAG_ERROR);
        cbor_head(body, map || errors ? CBOR_MAP : CBOR_ARRAY, 1);
        if (map || errors)
            cbor_integer(body, 1);
    }
}

static void
make_value(struct buf *body, struct reader *input, size_t depth)
{
    uint64_t word;
    double number;
    switch (choose(input, depth > 16 ? 6 : 11)) {
    case 0:
        cbor_integer(body, (int64_t)choose(input, 256) - 128);
        break;
    case 1:
        cbor_string(body, take(input, choose(input, 30)));
        break;
    case 2:
        word = take_word(input) >> choose(input, 64);
        memcpy(&number, &word, sizeof number);
        cbor_float(body, choose(input, 2) != 0 ? number : (double)word);
        break;
    case 3:
        make_reference(body, input);
        break;
    case 4:
        make_head(body, input);
        break;
    case 5:
        cbor_boolean(body, choose(input, 2) != 0);
        break;
    case 6:
        cbor_nil(body);
        break;
    case 7:
        cbor_head(body, CBOR_TAG, CBOR_TAG_ERROR);
        make_table(body, input, depth, true);
        break;
    case 8:
        if (rarely(input, 8))
            make_depth(body, input);
        make_value(body, input, depth + 1);
        break;
    default:
        make_table(body, input, depth, choose(input, 2) != 0);
    }
}

static void
make_body(struct buf *body, struct reader *input)
{
    size_t count = choose(input, 4);
    cbor_head(body, CBOR_ARRAY, count);
    for (size_t i = 0; i < count; i++)
        make_value(body, input, 0);
}

static void
check(const struct capdata *value)
{
    struct sample first = {.value = *value};
    bool decodes = pass(&first);
    check_shown(value, decodes);
    check_walked(value, decodes);
    if (decodes) {
        struct sample second = {
            .value = {buf_view(&first.out.body), first.out.slots.items, first.out.slots.count}};
        FUZZ_CHECK(pass(&second));
        FUZZ_CHECK(bytes_equal(buf_view(&first.out.body), buf_view(&second.out.body)));
        FUZZ_CHECK(first.out.slots.count == second.out.slots.count);
        check_shown(&second.value, true);
        marshal_out_free(&second.out);
    }
    marshal_out_free(&first.out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader input = reader_of((struct bytes){data, size});
    struct slot slots[8] = {0};
    size_t slot_count = choose(&input, 8);
    size_t promises = choose(&input, 256);
    for (size_t i = 0; i < slot_count; i++)
        slots[i].vref = vref_import((promises >> i & 1) != 0 ? REF_PROMISE : REF_OBJECT, i + 1);
    struct buf body = {0};
    if (choose(&input, 2) != 0)
        make_body(&body, &input);
    else
        buf_append(&body, input.at, (size_t)(input.end - input.at));
    check(&(struct capdata){buf_view(&body), slots, slot_count});
    buf_free(&body);
    return 0;
}
