/* Structs as Lua tables, described by data. */
#include "module/lmodule.h"

#include "base/ref.h"

#include <assert.h>

static void
push_bytes(lua_State *L, struct bytes bytes)
{
    lua_pushlstring(L, (const char *)bytes.data, bytes.size);
}

static void
push_vat(lua_State *L, uint64_t vat)
{
    if (vat == 0)
        lua_pushnil(L);
    else
        lua_pushfstring(L, "v%I", (LUAI_UACINT)vat);
}

static void
push_field(lua_State *L, const void *field, enum lfield_type type)
{
    char text[REF_TEXT_MAX];
    switch (type) {
    case LFIELD_INTEGER:
        lua_pushinteger(L, *(const lua_Integer *)field);
        break;
    case LFIELD_FLAG:
        lua_pushboolean(L, *(const bool *)field);
        break;
    case LFIELD_TEXT:
        lua_pushstring(L, *(const char *const *)field);
        break;
    case LFIELD_BYTES:
        push_bytes(L, *(const struct bytes *)field);
        break;
    case LFIELD_BLOB:
        push_bytes(L, blob_bytes(*(struct blob *const *)field));
        break;
    case LFIELD_KREF:
        lua_pushstring(L, kref_print(*(const struct kref *)field, text));
        break;
    case LFIELD_VAT:
        push_vat(L, *(const uint64_t *)field);
        break;
    }
}

void
lfields_push(lua_State *L, const void *from, const struct lfield *fields)
{
    int top = lua_gettop(L);
    luaL_checkstack(L, 3, NULL);
    lua_newtable(L);
    for (; fields->name != NULL; fields++) {
        push_field(L, (const char *)from + fields->offset, fields->type);
        assert(lua_gettop(L) == top + 2);
        lua_setfield(L, -2, fields->name);
    }
    (void)top;
}
