/* Instances as their own methods see them, and as others do. */
#include "vat/durable/ldurable.h"

#include "value/marshal.h"
#include "vat/durable/durable.h"
#include "vat/durable/fields.h"
#include "vat/durable/store.h"
#include "vat/internal.h"
#include "vat/machine/limit.h"
#include "vat/machine/outside.h"
#include "vat/machine/sandbox.h"
#include "vat/noun/remotable.h"

/* self */

static int
l_self_index(lua_State *L)
{
    const struct remotable *self = noun_at(L, 1, NOUN_REMOTABLE);
    if (self == NULL || !self->inner)
        return luaL_typeerror(L, 1, "self");
    lua_getiuservalue(L, 1, REMOTABLE_METHODS);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL)
        return 1;
    if (lua_type(L, 2) != LUA_TSTRING)
        return 0;
    struct bytes name;
    name.data = (const uint8_t *)lua_tolstring(L, 2, &name.size);
    struct durable_key key = key_of(KEY_STATE, self->word);
    durable_trim(L);
    outside_begin();
    struct entry_value state = store_get(vat_of(L)->durable, key_view(&key));
    struct field place = fields_find(&state, name);
    outside_end();
    limit_charge_bytes(L, place.end);
    if (place.end == place.begin)
        return 0;
    return durable_push(
        L, place.value, (struct bytes){state.slots.data + place.slots, place.slots_count});
}

static int
l_self_newindex(lua_State *L)
{
    struct vat *vat = vat_of(L);
    const struct remotable *self = noun_at(L, 1, NOUN_REMOTABLE);
    if (self == NULL || !self->inner)
        return luaL_typeerror(L, 1, "self");
    lua_settop(L, 3);
    const char *interface = remotable_push_interface(L, self);
    lua_getiuservalue(L, 1, REMOTABLE_METHODS);
    struct bytes name = fields_check_name(L, interface, 2, 5);
    bool has_value = !lua_isnil(L, 3);
    if (has_value)
        durable_encode(
            L, 3, 1, lua_pushfstring(L, "%s.%s", interface, (const char *)name.data), false);
    durable_check(L, has_value ? vat->run.out.body.size : 0);
    struct durable_key key = key_of(KEY_STATE, self->word);
    durable_trim(L);
    outside_begin();
    struct entry_value old = store_get(vat->durable, key_view(&key));
    fields_replace(
        vat, &old, name, has_value, &vat->scratch.states[0], &vat->scratch.state_slots[0]);
    outside_end();
    fields_check_size(L, interface);
    durable_set(L, &key, buf_view(&vat->scratch.states[0]), buf_view(&vat->scratch.state_slots[0]));
    return 0;
}

/* Instances as others see them */

static int
l_instance_index(lua_State *L)
{
    const struct remotable *object = noun_at(L, 1, NOUN_REMOTABLE);
    if (object == NULL)
        return luaL_typeerror(L, 1, "instance");
    remotable_push_method(L, 1, 2);
    if (!lua_isnil(L, -1))
        return 1;
    return luaL_error(L,
        "%s has no method %s; its state is seen by its own methods alone, as self.%s",
        remotable_push_interface(L, object), luaL_tolstring(L, 2, NULL),
        luaL_tolstring(L, 2, NULL));
}

static int
l_instance_newindex(lua_State *L)
{
    const struct remotable *object = noun_at(L, 1, NOUN_REMOTABLE);
    if (object == NULL)
        return luaL_typeerror(L, 1, "instance");
    return luaL_error(L, "%s cannot be changed from outside: its own methods write self.%s",
        remotable_push_interface(L, object), luaL_tolstring(L, 2, NULL));
}

static int
l_instance_tostring(lua_State *L)
{
    const struct remotable *object = noun_at(L, 1, NOUN_REMOTABLE);
    if (object == NULL)
        return luaL_typeerror(L, 1, "instance");
    lua_pushfstring(L, "<%s>", remotable_push_interface(L, object));
    return 1;
}

static int
l_instance_eq(lua_State *L)
{
    const struct remotable *one = noun_at(L, 1, NOUN_REMOTABLE);
    const struct remotable *other = noun_at(L, 2, NOUN_REMOTABLE);
    lua_pushboolean(L, one != NULL && other != NULL && one->word != 0 && one->word == other->word);
    return 1;
}

static const luaL_Reg instance_type[] = {
    {"__index", l_instance_index},
    {"__newindex", l_instance_newindex},
    {"__eq", l_instance_eq},
    {"__tostring", l_instance_tostring},
    {NULL, NULL},
};

static const luaL_Reg self_type[] = {
    {"__index", l_self_index},
    {"__newindex", l_self_newindex},
    {"__eq", l_instance_eq},
    {"__tostring", l_instance_tostring},
    {NULL, NULL},
};

void
linstance_open(lua_State *L)
{
    sandbox_type(L, "instance", instance_type);
    sandbox_type(L, "self", self_type);
}
