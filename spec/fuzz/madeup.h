/* Outcomes made up from the input, mostly of what the vat knows, for the target that plays kernels. */
#ifndef SPEC_FUZZ_MADEUP_H
#define SPEC_FUZZ_MADEUP_H

#include "base/cbor.h"
#include "base/read.h"
#include "fuzz.h"
#include "kernel/kernel.h"
#include "state/clist.h"

struct game {
    struct kernel *kernels[2];
    struct reader *input;
    char path[512]; /* of the second kernel; empty: it is in memory */
    bool refused;   /* an outcome was, since the kernels were compared */
    bool reaping;   /* the host asked for all the dead, and the kernels were not idle since */
    uint64_t vat;   /* whose crank it is */
    struct vref_list vrefs;
    struct kref *krefs; /* what they stood for when the crank began */
    uint64_t next;      /* the next export's number */
    bool changed[256];  /* the durable keys of one byte that some vat has set or deleted */
    struct arena arena;
    struct buf syscalls, changes, body;
};

static struct state *
state_of(const struct game *game, int which)
{
    return kernel_state(game->kernels[which]);
}

/* References */

static struct vref
any_vref(struct game *game)
{
    struct reader *input = game->input;
    size_t what = choose(input, 16);
    if (what < 10 && game->vrefs.count > 0)
        return game->vrefs.items[choose(input, game->vrefs.count)];
    if (what < 15) {
        static const enum ref_kind kinds[] = {REF_OBJECT, REF_PROMISE, REF_DURABLE};
        uint64_t number = rarely(input, 4) ? choose(input, 4) : game->next++;
        return vref_export(kinds[choose(input, 3)], number);
    }
    return (struct vref){take_word(input) >> choose(input, 64)};
}

static struct vref
any_promise(struct game *game, bool new)
{
    for (size_t i = 0; i < game->vrefs.count && !new; i++) {
        struct vref vref = game->vrefs.items[(i + choose(game->input, 8)) % game->vrefs.count];
        if (vref_is_promise(vref))
            return vref;
    }
    return rarely(game->input, 16) ? any_vref(game) : vref_export(REF_PROMISE, game->next++);
}

static struct capdata
any_value(struct game *game)
{
    struct reader *input = game->input;
    size_t count = choose(input, 4);
    struct slot *slots = arena_take(&game->arena, count * sizeof *slots);
    buf_clear(&game->body);
    cbor_head(&game->body, CBOR_ARRAY, count);
    for (size_t i = 0; i < count; i++) {
        slots[i].vref = any_vref(game);
        bool promise = vref_is_promise(slots[i].vref);
        if (rarely(input, 4))
            slots[i].interface = take(input, choose(input, 8));
        cbor_head(&game->body, CBOR_TAG, promise ? CBOR_TAG_PROMISE : CBOR_TAG_OBJECT);
        if (!promise)
            cbor_head(&game->body, CBOR_ARRAY, 2);
        cbor_head(&game->body, CBOR_UNSIGNED, rarely(input, 16) ? take_word(input) : i);
        if (!promise)
            cbor_string(&game->body, slots[i].interface);
    }
    struct bytes body = arena_copy(&game->arena, buf_view(&game->body));
    if (rarely(input, 16))
        body = take(input, choose(input, 16));
    return (struct capdata){body, slots, count};
}

/* Outcomes */

static void
any_settlements(struct game *game, struct syscall *syscall)
{
    size_t count = choose(game->input, 3) + 1;
    struct settlement *list = arena_take(&game->arena, count * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i].promise = any_promise(game, rarely(game->input, 3));
        list[i].state = (enum settle_state)(choose(game->input, 3) + 1);
        if (list[i].state == SETTLE_FOLLOW)
            list[i].follow = any_promise(game, rarely(game->input, 3));
        else
            list[i].value = any_value(game);
    }
    syscall->settlements = list;
    syscall->settlement_count = count;
}

static void
any_syscall(struct game *game)
{
    struct reader *input = game->input;
    static const enum syscall_kind kinds[] = {SYSCALL_SEND, SYSCALL_SEND, SYSCALL_RESOLVE,
        SYSCALL_RESOLVE, SYSCALL_SUBSCRIBE, SYSCALL_DROP_IMPORTS, SYSCALL_RETIRE_IMPORTS,
        SYSCALL_RETIRE_EXPORTS, SYSCALL_ABANDON_EXPORTS};
    struct syscall syscall = {.kind = kinds[choose(input, 9)]};
    if (rarely(input, 64))
        syscall.kind = SYSCALL_EXIT;
    switch (syscall.kind) {
    case SYSCALL_SEND:
        syscall.target = any_vref(game);
        syscall.method = take(input, choose(input, 4));
        syscall.value = any_value(game);
        if (!rarely(input, 4))
            syscall.result = any_promise(game, !rarely(input, 16));
        break;
    case SYSCALL_SUBSCRIBE:
        syscall.target = any_promise(game, false);
        break;
    case SYSCALL_RESOLVE:
        any_settlements(game, &syscall);
        break;
    case SYSCALL_EXIT:
        syscall.failure = choose(input, 2) != 0;
        syscall.value = any_value(game);
        break;
    default:
        syscall.ref_count = choose(input, 3) + 1;
        struct vref *refs = arena_take(&game->arena, syscall.ref_count * sizeof *refs);
        for (size_t i = 0; i < syscall.ref_count; i++)
            refs[i] = any_vref(game);
        syscall.refs = refs;
    }
    syscall_encode(&game->syscalls, &syscall);
}

static struct entry_value
any_entry(struct game *game)
{
    struct reader *input = game->input;
    struct entry_value value = {.present = choose(input, 3) != 0};
    if (!value.present)
        return value;
    value.body = take(input, choose(input, 8));
    struct buf slots = {0};
    for (size_t i = choose(input, 3); i > 0; i--)
        buf_number(&slots, any_vref(game).word);
    value.slots = arena_copy(&game->arena, buf_view(&slots));
    buf_free(&slots);
    if (rarely(input, 16))
        value.slots = take(input, choose(input, 8));
    return value;
}

static void
any_change(struct game *game)
{
    struct change change = {.space = (enum change_space)choose(game->input, 2)};
    buf_clear(&game->body);
    if (rarely(game->input, 4)) {
        buf_text(&game->body, choose(game->input, 2) == 0 ? DURABLE_NAMED : DURABLE_WATCHES);
        struct vref vref = any_vref(game);
        for (int i = 7; i >= 0; i--)
            buf_byte(&game->body, (unsigned)(vref.word >> (8 * i)) & 0xff);
    } else {
        struct bytes key = take(game->input, choose(game->input, 4));
        buf_append(&game->body, key.data, key.size);
    }
    change.key = arena_copy(&game->arena, buf_view(&game->body));
    if (change.space == SPACE_DURABLE && change.key.size == 1)
        game->changed[change.key.data[0]] = true;
    change.before = any_entry(game);
    change.after = any_entry(game);
    change_encode(&game->changes, &change);
}

/* Bytes changed, cut off or added. */
static void
damage(struct reader *input, struct buf *buf)
{
    if (buf->size > 0 && choose(input, 2) == 0)
        buf->data[choose(input, buf->size)] = (uint8_t)choose(input, 256);
    else if (buf->size > 0 && choose(input, 2) == 0)
        buf->size -= choose(input, buf->size) + 1;
    else
        buf_byte(buf, (unsigned)choose(input, 256));
}

static struct outcome
any_outcome(struct game *game)
{
    static const char *const reasons[] = {NULL, "a fault", "delivery exceeded its time limit"};
    struct reader *input = game->input;
    buf_clear(&game->syscalls);
    buf_clear(&game->changes);
    for (size_t i = choose(input, 5); i > 0; i--)
        any_syscall(game);
    for (size_t i = choose(input, 3); i > 0; i--)
        any_change(game);
    if (rarely(input, 16))
        damage(input, &game->syscalls);
    if (rarely(input, 16))
        damage(input, &game->changes);
    struct outcome outcome = {
        .syscalls = buf_view(&game->syscalls), .changes = buf_view(&game->changes)};
    outcome.interface = take(input, choose(input, 4));
    if (rarely(input, 24)) {
        outcome.fault = (enum vat_fault)(choose(input, 5) + 1);
        outcome.reason = reasons[choose(input, 3)];
    }
    return outcome;
}

#endif
