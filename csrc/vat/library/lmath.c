/* math.random and math.randomseed: xoshiro256** from a fixed seed, its state in the arena. */
#include "vat/library/library.h"

#include <assert.h>
#include <string.h>

#define SEED 1

struct generator {
    uint64_t word[4];
};

static uint64_t
rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static uint64_t
draw(struct generator *generator)
{
    uint64_t *word = generator->word;
    uint64_t result = rotate(word[1] * 5, 7) * 9;
    uint64_t shifted = word[1] << 17;
    word[2] ^= word[0];
    word[3] ^= word[1];
    word[1] ^= word[2];
    word[0] ^= word[3];
    word[2] ^= shifted;
    word[3] = rotate(word[3], 45);
    return result;
}

static void
seed(struct generator *generator, uint64_t number)
{
    for (int i = 0; i < 4; i++) { /* splitmix64: no seed gives four zeros */
        number += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t word = number;
        word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
        generator->word[i] = word ^ word >> 31;
    }
    const uint64_t *word = generator->word;
    assert((word[0] | word[1] | word[2] | word[3]) != 0); /* it would give nothing but zeros */
    (void)word;
}

static struct generator *
generator_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* Even over 0..most: draws below the next power of two until one fits. */
static uint64_t
draw_to(struct generator *generator, uint64_t most)
{
    uint64_t mask = most == 0 ? 0 : UINT64_MAX >> __builtin_clzll(most);
    uint64_t number = draw(generator) & mask;
    while (number > most)
        number = draw(generator) & mask;
    assert(number <= most);
    return number;
}

/* random(), random(0), random(high), random(low, high) */
static int
l_random(lua_State *L)
{
    struct generator *generator = generator_of(L);
    lua_Integer low = 1, high;
    switch (lua_gettop(L)) {
    case 0:
        lua_pushnumber(L, (lua_Number)(draw(generator) >> 11) * 0x1p-53);
        return 1;
    case 1:
        high = luaL_checkinteger(L, 1);
        if (high == 0) {
            lua_pushinteger(L, (lua_Integer)draw(generator));
            return 1;
        }
        break;
    case 2:
        low = luaL_checkinteger(L, 1);
        high = luaL_checkinteger(L, 2);
        break;
    default:
        return luaL_error(L, "wrong number of arguments");
    }
    luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
    uint64_t number = draw_to(generator, (uint64_t)high - (uint64_t)low);
    lua_pushinteger(L, (lua_Integer)(number + (uint64_t)low));
    return 1;
}

/* randomseed(number): any float will do, as in Lua */
static int
l_randomseed(lua_State *L)
{
    uint64_t number = SEED;
    if (lua_isnoneornil(L, 1) || lua_isinteger(L, 1)) {
        number = (uint64_t)luaL_optinteger(L, 1, SEED);
    } else {
        lua_Number given = luaL_checknumber(L, 1);
        memcpy(&number, &given, sizeof number);
    }
    seed(generator_of(L), number);
    return 0;
}

static const luaL_Reg functions[] = {
    {"random", l_random},
    {"randomseed", l_randomseed},
    {NULL, NULL},
};

void
lmath_open(lua_State *L)
{
    struct generator *generator = lua_newuserdatauv(L, sizeof *generator, 0);
    seed(generator, SEED);
    luaL_setfuncs(L, functions, 1);
}
