#include "vat/live/outgoing.h"

#include "vat/internal.h"
#include "vat/live/slots.h"
#include "vat/machine/limit.h"
#include "vat/machine/outside.h"

#include <assert.h>

/* What one delivery may record; more is memory that no limit of the heap would see. */
#define RECORDED_MAX ((size_t)256 << 20)

void
outgoing_check(lua_State *L, size_t more)
{
    if (vat_of(L)->run.syscalls.size + more > RECORDED_MAX)
        limit_fault(VAT_FAULT_MEMORY);
}

void
outgoing_record(lua_State *L, const struct syscall *syscall)
{
    struct vat *vat = vat_of(L);
    outgoing_check(L, 0);
    outside_begin();
    syscall_encode(&vat->run.syscalls, syscall);
    outside_end();
}

void
outgoing_send(lua_State *L, uint64_t target, struct bytes method, uint64_t result)
{
    assert(target != 0);
    struct syscall syscall = {.kind = SYSCALL_SEND,
        .target = {target},
        .result = {result},
        .method = method,
        .value = slots_capdata(L)};
    outgoing_record(L, &syscall);
}

void
outgoing_subscribe(lua_State *L, uint64_t promise)
{
    assert(vref_is_promise((struct vref){promise}));
    struct syscall syscall = {.kind = SYSCALL_SUBSCRIBE, .target = {promise}};
    outgoing_record(L, &syscall);
}

void
outgoing_resolve(lua_State *L, const struct settlement *settlements, size_t count)
{
    assert(count > 0);
    struct syscall syscall = {
        .kind = SYSCALL_RESOLVE, .settlements = settlements, .settlement_count = count};
    outgoing_record(L, &syscall);
}

void
outgoing_follow(lua_State *L, uint64_t promise, uint64_t other)
{
    assert(promise != 0 && other != 0 && promise != other);
    struct settlement settlement = {
        .promise = {promise}, .state = SETTLE_FOLLOW, .follow = {other}};
    outgoing_resolve(L, &settlement, 1);
}

void
outgoing_exit(lua_State *L, bool failure)
{
    struct syscall syscall = {.kind = SYSCALL_EXIT, .failure = failure, .value = slots_capdata(L)};
    outgoing_record(L, &syscall);
}
