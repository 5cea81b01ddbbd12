#include "vat/noun/noun.h"

#include <assert.h>

void *
noun_at(lua_State *L, int index, enum noun noun)
{
    if (lua_type(L, index) != LUA_TUSERDATA)
        return NULL;
    enum noun *thing = lua_touserdata(L, index);
    assert(*thing >= NOUN_REMOTABLE && *thing <= NOUN_API);
    return *thing == noun ? thing : NULL;
}
