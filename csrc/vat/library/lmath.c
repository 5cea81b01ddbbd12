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

/* As Lua's own does it, so that a seed gives the numbers that it gives there. */
static void
seed(struct generator *generator, uint64_t first, uint64_t second)
{
    *generator = (struct generator){{first, 0xff, second, 0}};
    for (int i = 0; i < 16; i++)
        draw(generator);
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

/* randomseed(first, second): returns both, as Lua does; without a first it is the one that each vat
   begins with, since there is nothing random here. */
static int
l_randomseed(lua_State *L)
{
    lua_Integer first = lua_isnone(L, 1) ? SEED : luaL_checkinteger(L, 1);
    lua_Integer second = luaL_optinteger(L, 2, 0);
    seed(generator_of(L), (uint64_t)first, (uint64_t)second);
    lua_pushinteger(L, first);
    lua_pushinteger(L, second);
    return 2;
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
    seed(generator, SEED, 0);
    luaL_setfuncs(L, functions, 1);
}
