#include "base/message.h"

#include "base/read.h"

#include <assert.h>

/* Writing */

static void
encode_capdata(struct buf *buf, const struct capdata *value, bool interfaces)
{
    buf_bytes(buf, value->body);
    buf_number(buf, value->slot_count);
    for (size_t i = 0; i < value->slot_count; i++) {
        assert(interfaces || vref_is_valid(value->slots[i].vref)); /* the kernel's own words */
        buf_number(buf, value->slots[i].vref.word);
        if (interfaces)
            buf_bytes(buf, value->slots[i].interface);
    }
}

static void
encode_refs(struct buf *buf, const struct vref *refs, size_t count)
{
    buf_number(buf, count);
    for (size_t i = 0; i < count; i++)
        buf_number(buf, refs[i].word);
}

static void
encode_settlements(struct buf *buf, const struct settlement *list, size_t count, bool interfaces)
{
    buf_number(buf, count);
    for (size_t i = 0; i < count; i++) {
        /* a delivery tells of what is settled; only a vat asks that a promise follow */
        assert(interfaces || list[i].state != SETTLE_FOLLOW);
        buf_number(buf, list[i].promise.word);
        buf_byte(buf, list[i].state);
        if (list[i].state == SETTLE_FOLLOW)
            buf_number(buf, list[i].follow.word);
        else
            encode_capdata(buf, &list[i].value, interfaces);
    }
}

void
delivery_encode(struct buf *buf, const struct delivery *delivery)
{
    buf_byte(buf, delivery->kind);
    buf_double(buf, delivery->now);
    switch (delivery->kind) {
    case DELIVER_MESSAGE:
        buf_number(buf, delivery->target.word);
        buf_number(buf, delivery->result.word);
        buf_bytes(buf, delivery->method);
        encode_capdata(buf, &delivery->value, false);
        break;
    case DELIVER_NOTIFY:
        buf_byte(buf, delivery->budget_exceeded);
        encode_settlements(buf, delivery->settlements, delivery->settlement_count, false);
        break;
    case DELIVER_DROP_EXPORTS:
    case DELIVER_RETIRE_EXPORTS:
    case DELIVER_RETIRE_IMPORTS:
        encode_refs(buf, delivery->refs, delivery->ref_count);
        break;
    case DELIVER_BRING_OUT_YOUR_DEAD:
        break;
    case DELIVER_START_VAT:
        buf_bytes(buf, delivery->name);
        buf_number(buf, delivery->incarnation);
        encode_capdata(buf, &delivery->value, false);
        break;
    }
}

void
syscall_encode(struct buf *buf, const struct syscall *syscall)
{
    buf_byte(buf, syscall->kind);
    switch (syscall->kind) {
    case SYSCALL_SEND:
        buf_number(buf, syscall->target.word);
        buf_number(buf, syscall->result.word);
        buf_bytes(buf, syscall->method);
        encode_capdata(buf, &syscall->value, true);
        break;
    case SYSCALL_SUBSCRIBE:
        buf_number(buf, syscall->target.word);
        break;
    case SYSCALL_RESOLVE:
        encode_settlements(buf, syscall->settlements, syscall->settlement_count, true);
        break;
    case SYSCALL_EXIT:
        buf_byte(buf, syscall->failure);
        encode_capdata(buf, &syscall->value, true);
        break;
    case SYSCALL_DROP_IMPORTS:
    case SYSCALL_RETIRE_IMPORTS:
    case SYSCALL_RETIRE_EXPORTS:
    case SYSCALL_ABANDON_EXPORTS:
        encode_refs(buf, syscall->refs, syscall->ref_count);
        break;
    }
}

/* Reading */

static struct vref
read_vref(struct reader *reader)
{
    struct vref vref = {read_number(reader)};
    if (!vref_is_valid(vref))
        reader->bad = true;
    return vref;
}

static struct vref
read_optional_vref(struct reader *reader)
{
    struct vref vref = {read_number(reader)};
    if (!vref_is_none(vref) && !vref_is_valid(vref))
        reader->bad = true;
    return vref;
}

static struct capdata
read_capdata(struct reader *reader, struct arena *arena, bool interfaces)
{
    struct capdata value = {.body = read_bytes(reader)};
    value.slot_count = read_count(reader);
    struct slot *slots = arena_take(arena, value.slot_count * sizeof *slots);
    for (size_t i = 0; i < value.slot_count && !reader->bad; i++) {
        slots[i].vref = read_vref(reader);
        if (interfaces)
            slots[i].interface = read_bytes(reader);
    }
    value.slots = slots;
    return value;
}

static const struct vref *
read_refs(struct reader *reader, struct arena *arena, size_t *count)
{
    *count = read_count(reader);
    struct vref *refs = arena_take(arena, *count * sizeof *refs);
    for (size_t i = 0; i < *count && !reader->bad; i++)
        refs[i] = read_vref(reader);
    return refs;
}

static const struct settlement *
read_settlements(struct reader *reader, struct arena *arena, bool interfaces, size_t *count)
{
    *count = read_count(reader);
    struct settlement *list = arena_take(arena, *count * sizeof *list);
    for (size_t i = 0; i < *count && !reader->bad; i++) {
        list[i].promise = read_vref(reader);
        list[i].state = (enum settle_state)read_byte(reader);
        if (list[i].state == SETTLE_FOLLOW && interfaces)
            list[i].follow = read_vref(reader);
        else if (list[i].state == SETTLE_FULFILLED || list[i].state == SETTLE_REJECTED)
            list[i].value = read_capdata(reader, arena, interfaces);
        else
            reader->bad = true;
    }
    return list;
}

bool
delivery_decode(struct bytes bytes, struct arena *arena, struct delivery *delivery)
{
    struct reader reader = reader_of(bytes);
    *delivery = (struct delivery){.kind = (enum delivery_kind)read_byte(&reader)};
    delivery->now = read_double(&reader);
    switch (delivery->kind) {
    case DELIVER_MESSAGE:
        delivery->target = read_vref(&reader);
        delivery->result = read_optional_vref(&reader);
        delivery->method = read_bytes(&reader);
        delivery->value = read_capdata(&reader, arena, false);
        break;
    case DELIVER_NOTIFY:
        delivery->budget_exceeded = (uint8_t)read_byte(&reader);
        delivery->settlements =
            read_settlements(&reader, arena, false, &delivery->settlement_count);
        break;
    case DELIVER_DROP_EXPORTS:
    case DELIVER_RETIRE_EXPORTS:
    case DELIVER_RETIRE_IMPORTS:
        delivery->refs = read_refs(&reader, arena, &delivery->ref_count);
        break;
    case DELIVER_BRING_OUT_YOUR_DEAD:
        break;
    case DELIVER_START_VAT:
        delivery->name = read_bytes(&reader);
        delivery->incarnation = read_number(&reader);
        delivery->value = read_capdata(&reader, arena, false);
        break;
    default:
        return false;
    }
    return !reader.bad && reader.at == reader.end;
}

static struct syscall
read_syscall(struct reader *reader, struct arena *arena)
{
    struct syscall syscall = {.kind = (enum syscall_kind)read_byte(reader)};
    switch (syscall.kind) {
    case SYSCALL_SEND:
        syscall.target = read_vref(reader);
        syscall.result = read_optional_vref(reader);
        syscall.method = read_bytes(reader);
        syscall.value = read_capdata(reader, arena, true);
        break;
    case SYSCALL_SUBSCRIBE:
        syscall.target = read_vref(reader);
        break;
    case SYSCALL_RESOLVE:
        syscall.settlements = read_settlements(reader, arena, true, &syscall.settlement_count);
        break;
    case SYSCALL_EXIT:
        syscall.failure = read_byte(reader) != 0;
        syscall.value = read_capdata(reader, arena, true);
        break;
    case SYSCALL_DROP_IMPORTS:
    case SYSCALL_RETIRE_IMPORTS:
    case SYSCALL_RETIRE_EXPORTS:
    case SYSCALL_ABANDON_EXPORTS:
        syscall.refs = read_refs(reader, arena, &syscall.ref_count);
        break;
    default:
        reader->bad = true;
    }
    return syscall;
}

bool
syscalls_decode(
    struct bytes bytes, struct arena *arena, const struct syscall **syscalls, size_t *count)
{
    struct reader reader = reader_of(bytes);
    struct syscall *list = NULL;
    size_t room = 0;
    *count = 0;
    while (read_more(&reader)) {
        if (*count == room) {
            room = room == 0 ? 8 : room * 2;
            struct syscall *more = arena_take(arena, room * sizeof *more);
            for (size_t i = 0; i < *count; i++)
                more[i] = list[i];
            list = more;
        }
        list[(*count)++] = read_syscall(&reader, arena);
    }
    *syscalls = list;
    return !reader.bad;
}

/* Changes */

static void
encode_entry(struct buf *buf, const struct entry_value *value)
{
    buf_byte(buf, value->present);
    if (!value->present)
        return;
    buf_bytes(buf, value->body);
    buf_bytes(buf, value->slots);
}

static struct entry_value
decode_entry(struct reader *reader)
{
    struct entry_value value = {.present = read_byte(reader) != 0};
    if (value.present) {
        value.body = read_bytes(reader);
        value.slots = read_bytes(reader);
        struct reader slots = reader_of(value.slots);
        while (read_more(&slots))
            read_vref(&slots);
        reader->bad = reader->bad || slots.bad;
    }
    return value;
}

void
change_encode(struct buf *buf, const struct change *change)
{
    assert(change->space == SPACE_VATSTORE || change->space == SPACE_DURABLE);
    buf_byte(buf, change->space);
    buf_bytes(buf, change->key);
    encode_entry(buf, &change->before);
    encode_entry(buf, &change->after);
}

bool
change_decode(struct reader *reader, struct change *change)
{
    if (!read_more(reader))
        return false;
    change->space = (enum change_space)read_byte(reader);
    if (change->space != SPACE_VATSTORE && change->space != SPACE_DURABLE)
        reader->bad = true;
    change->key = read_bytes(reader);
    change->before = decode_entry(reader);
    change->after = decode_entry(reader);
    return !reader->bad;
}

/* Names */

const char *
delivery_name(enum delivery_kind kind)
{
    static const char *const names[] = {"none", "message", "notify", "drop_exports",
        "retire_exports", "retire_imports", "bring_out_your_dead", "start_vat"};
    return kind >= DELIVER_MESSAGE && kind <= DELIVER_START_VAT ? names[kind] : names[0];
}

const char *
syscall_name(enum syscall_kind kind)
{
    static const char *const names[] = {"none", "send", "subscribe", "resolve", "exit",
        "drop_imports", "retire_imports", "retire_exports", "abandon_exports"};
    return kind >= SYSCALL_SEND && kind <= SYSCALL_ABANDON_EXPORTS ? names[kind] : names[0];
}
