#include "base/show.h"

#include "base/cbor.h"
#include "base/read.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct view {
    struct buf *text;
    struct reader reader;
    show_slot *slot;
    const void *context;
};

void
show_string(struct buf *text, struct bytes string)
{
    buf_byte(text, '"');
    for (size_t i = 0; i < string.size; i++) {
        unsigned byte = string.data[i];
        if (byte == '"' || byte == '\\')
            buf_format(text, "\\%c", (int)byte);
        else if (byte == '\n')
            buf_text(text, "\\n");
        else if (byte < 0x20 || byte >= 0x7f)
            buf_format(text, "\\x%02x", byte);
        else
            buf_byte(text, byte);
    }
    buf_byte(text, '"');
}

static void
show_float(struct buf *text, double value)
{
    char digits[40];
    if (isnan(value)) {
        buf_text(text, "0/0");
        return;
    }
    if (isinf(value)) {
        buf_text(text, value > 0 ? "1/0" : "-1/0");
        return;
    }
    int precision = 14;
    do
        snprintf(digits, sizeof digits, "%.*g", precision, value);
    while (strtod(digits, NULL) != value && ++precision <= 17);
    buf_text(text, digits);
    for (const char *at = digits; *at != 0; at++) {
        if (*at == '.' || *at == 'e')
            return;
    }
    buf_text(text, ".0");
}

static bool show_value(struct view *view, unsigned depth);

/* A key as a table constructor has it: name = , or [value] = . */
static bool
show_key(struct view *view, unsigned depth)
{
    struct reader ahead = view->reader;
    struct bytes name = cbor_next(&ahead).string;
    bool plain = name.size > 0 && !(name.data[0] >= '0' && name.data[0] <= '9');
    for (size_t i = 0; i < name.size && plain; i++)
        plain = isalnum(name.data[i]) || name.data[i] == '_';
    if (plain) {
        view->reader = ahead;
        buf_append(view->text, name.data, name.size);
    } else {
        buf_byte(view->text, '[');
        if (!show_value(view, depth))
            return false;
        buf_byte(view->text, ']');
    }
    buf_text(view->text, " = ");
    return true;
}

static bool
show_items(struct view *view, uint64_t count, bool keyed, unsigned depth)
{
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            buf_text(view->text, ", ");
        if (keyed && !show_key(view, depth))
            return false;
        if (!show_value(view, depth))
            return false;
    }
    return true;
}

static bool
show_reference(struct view *view, uint64_t tag)
{
    struct cbor_item item = cbor_next(&view->reader);
    if (tag == CBOR_TAG_OBJECT) {
        if (item.type != CBOR_IS_ARRAY || item.count != 2)
            return false;
        item = cbor_next(&view->reader);
    }
    if (item.type != CBOR_IS_INTEGER || item.integer < 0)
        return false;
    char name[REF_TEXT_MAX];
    buf_format(view->text, "@%s", view->slot(view->context, (uint64_t)item.integer, name));
    return tag != CBOR_TAG_OBJECT || cbor_next(&view->reader).type == CBOR_IS_STRING;
}

static bool
show_container(struct view *view, struct cbor_item item, unsigned depth)
{
    buf_byte(view->text, '{');
    if (!show_items(view, item.count, item.type == CBOR_IS_MAP, depth))
        return false;
    buf_byte(view->text, '}');
    return true;
}

static bool
show_value(struct view *view, unsigned depth)
{
    struct cbor_item item = cbor_next(&view->reader);
    if (depth == 0)
        return false;
    switch (item.type) {
    case CBOR_IS_NIL:
        buf_text(view->text, "nil");
        return true;
    case CBOR_IS_BOOLEAN:
        buf_text(view->text, item.boolean ? "true" : "false");
        return true;
    case CBOR_IS_INTEGER:
        buf_format(view->text, "%" PRId64, item.integer);
        return true;
    case CBOR_IS_FLOAT:
        show_float(view->text, item.number);
        return true;
    case CBOR_IS_STRING:
        show_string(view->text, item.string);
        return true;
    case CBOR_IS_ARRAY:
    case CBOR_IS_MAP:
        return show_container(view, item, depth - 1);
    case CBOR_IS_TAG:
        if (item.count == CBOR_TAG_OBJECT || item.count == CBOR_TAG_PROMISE)
            return show_reference(view, item.count);
        buf_text(view->text, "Error ");
        return item.count == CBOR_TAG_ERROR && show_value(view, depth - 1);
    case CBOR_IS_BAD:
        break;
    }
    return false;
}

void
show_body(struct buf *text, struct bytes body, show_slot *slot, const void *context)
{
    struct view view = {text, reader_of(body), slot, context};
    struct cbor_item list = cbor_next(&view.reader);
    if (list.type != CBOR_IS_ARRAY || !show_items(&view, list.count, false, 2 * CBOR_DEPTH_MAX + 4))
        buf_text(text, "malformed");
}

/* Syscalls */

static const char *
vref_slot(const void *context, uint64_t index, char *text)
{
    const struct capdata *value = context;
    if (index >= value->slot_count)
        return "malformed";
    return vref_print(value->slots[index].vref, text);
}

static void
show_vref(struct buf *text, struct vref vref)
{
    char name[REF_TEXT_MAX];
    buf_text(text, vref_print(vref, name));
}

static void
show_settlements(struct buf *text, const struct syscall *syscall)
{
    for (size_t i = 0; i < syscall->settlement_count; i++) {
        const struct settlement *settlement = &syscall->settlements[i];
        buf_byte(text, ' ');
        show_vref(text, settlement->promise);
        if (settlement->state == SETTLE_FOLLOW) {
            buf_text(text, " follows ");
            show_vref(text, settlement->follow);
            continue;
        }
        buf_text(text, settlement->state == SETTLE_FULFILLED ? " = (" : " rejected (");
        show_body(text, settlement->value.body, vref_slot, &settlement->value);
        buf_byte(text, ')');
    }
}

static void
show_syscall(struct buf *text, const struct syscall *syscall)
{
    buf_text(text, syscall_name(syscall->kind));
    if (syscall->kind == SYSCALL_SEND || syscall->kind == SYSCALL_SUBSCRIBE) {
        buf_byte(text, ' ');
        show_vref(text, syscall->target);
    }
    if (syscall->kind == SYSCALL_SEND || syscall->kind == SYSCALL_EXIT) {
        buf_format(text, ":%.*s(", (int)syscall->method.size, (const char *)syscall->method.data);
        show_body(text, syscall->value.body, vref_slot, &syscall->value);
        buf_byte(text, ')');
    }
    if (!vref_is_none(syscall->result)) {
        buf_text(text, " -> ");
        show_vref(text, syscall->result);
    }
    show_settlements(text, syscall);
    for (size_t i = 0; i < syscall->ref_count; i++) {
        buf_byte(text, ' ');
        show_vref(text, syscall->refs[i]);
    }
    buf_byte(text, '\n');
}

void
show_syscalls(struct buf *text, struct bytes syscalls)
{
    struct arena arena = {0};
    const struct syscall *list;
    size_t count;
    if (syscalls_decode(syscalls, &arena, &list, &count)) {
        for (size_t i = 0; i < count; i++)
            show_syscall(text, &list[i]);
    } else {
        buf_text(text, "malformed\n");
    }
    arena_free(&arena);
}
