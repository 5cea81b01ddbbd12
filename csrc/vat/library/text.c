#include "vat/library/text.h"

#include <assert.h>
#include <string.h>

void
text_open(struct text *text, lua_State *L)
{
    luaL_checkstack(L, 4, NULL);
    lua_pushnil(L);
    text->L = L;
    text->data = text->first;
    text->size = 0;
    text->capacity = sizeof text->first;
    text->slot = lua_gettop(L);
}

static void
grow(struct text *text, size_t more)
{
    assert(text->size <= text->capacity && text->slot <= lua_gettop(text->L));
    size_t needed = text->size + more;
    if (needed < more || needed > LUA_MAXINTEGER - 64)
        luaL_error(text->L, "resulting string too large");
    size_t capacity = text->capacity * 2;
    if (capacity < needed)
        capacity = needed;
    char *data = lua_newuserdatauv(text->L, capacity, 0);
    memcpy(data, text->data, text->size);
    lua_replace(text->L, text->slot);
    text->data = data;
    text->capacity = capacity;
}

char *
text_reserve(struct text *text, size_t more)
{
    if (text->capacity - text->size < more)
        grow(text, more);
    assert(text->capacity - text->size >= more);
    return text->data + text->size;
}

void
text_add(struct text *text, const char *data, size_t size)
{
    if (size == 0)
        return;
    memcpy(text_reserve(text, size), data, size);
    text->size += size;
}

void
text_push(struct text *text)
{
    assert(text->size <= text->capacity);
    lua_pushlstring(text->L, text->data, text->size);
}
