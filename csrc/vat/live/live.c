#include "vat/live/live.h"

#include "value/errorvalue.h"
#include "vat/durable/ldurable.h"
#include "vat/live/coroutine.h"
#include "vat/live/fault.h"
#include "vat/live/llive.h"
#include "vat/live/module.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/lremotable.h"
#include "vat/noun/registry.h"
#include "vat/noun/words.h"

void
live_open(lua_State *L)
{
    struct liveslots *ls = lua_newuserdatauv(L, sizeof *ls, 0);
    *ls = (struct liveslots){.job_first = 1, .job_last = 1, .next_object = 1, .next_promise = 1};
    luaL_ref(L, LUA_REGISTRYINDEX);
    heap_of(L)->ls = ls;
    words_open(L);
    ls->jobs = registry_table(L);
    ls->rejected = registry_table(L);
    ls->exports = registry_table(L);
    ls->kinds = registry_table(L);
    ls->collections = registry_table(L);
    ls->modules = registry_table(L);
    ls->turns = registry_table(L);
    lua_pushboolean(L, 0);
    ls->spare = luaL_ref(L, LUA_REGISTRYINDEX);
    *coroutine_flags(L) = 0;
    errorvalue_open(L);
    lremotable_open(L);
    lpromise_open(L);
    leventual_open(L);
    coroutine_open(L);
    module_open(L);
    fault_open(L);
    linstance_open(L);
    lstore_open(L);
}
