#include "base/ref.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define DURABLE_BITS 40

struct kref
kref_object(uint64_t number)
{
    assert(number <= REF_NUMBER_MAX);
    return (struct kref){number << 1};
}

struct kref
kref_promise(uint64_t number)
{
    assert(number <= REF_NUMBER_MAX);
    return (struct kref){number << 1 | 1};
}

bool
kref_is_none(struct kref kref)
{
    return kref.word == 0;
}

bool
kref_is_promise(struct kref kref)
{
    return (kref.word & 1) != 0;
}

uint64_t
kref_number(struct kref kref)
{
    return kref.word >> 1;
}

bool
kref_equal(struct kref a, struct kref b)
{
    return a.word == b.word;
}

struct vref
vref_export(enum ref_kind kind, uint64_t number)
{
    assert(number <= REF_NUMBER_MAX && kind != REF_NONE);
    return (struct vref){number << 3 | kind};
}

struct vref
vref_import(enum ref_kind kind, uint64_t number)
{
    assert(number <= REF_NUMBER_MAX && kind != REF_NONE && kind != REF_DURABLE);
    return (struct vref){number << 3 | 4 | kind};
}

bool
vref_is_none(struct vref vref)
{
    return vref.word == 0;
}

bool
vref_is_import(struct vref vref)
{
    return (vref.word & 4) != 0;
}

enum ref_kind
vref_kind(struct vref vref)
{
    return (enum ref_kind)(vref.word & 3);
}

bool
vref_is_promise(struct vref vref)
{
    return vref_kind(vref) == REF_PROMISE;
}

uint64_t
vref_number(struct vref vref)
{
    return vref.word >> 3;
}

bool
vref_is_valid(struct vref vref)
{
    if (vref_kind(vref) == REF_DURABLE) /* its kind has 20 bits */
        return !vref_is_import(vref) && vref_number(vref) < REF_NUMBER_MAX;
    return vref_kind(vref) != REF_NONE && vref_number(vref) <= REF_NUMBER_MAX;
}

bool
vref_equal(struct vref a, struct vref b)
{
    return a.word == b.word;
}

const char *
kref_print(struct kref kref, char *text)
{
    if (kref_is_none(kref))
        snprintf(text, REF_TEXT_MAX, "none");
    else
        snprintf(text, REF_TEXT_MAX, "k%c%" PRIu64, kref_is_promise(kref) ? 'p' : 'o',
            kref_number(kref));
    return text;
}

const char *
vref_print(struct vref vref, char *text)
{
    uint64_t number = vref_number(vref);
    char sign = vref_is_import(vref) ? '-' : '+';
    switch (vref_kind(vref)) {
    case REF_OBJECT:
    case REF_PROMISE:
        snprintf(
            text, REF_TEXT_MAX, "%c%c%" PRIu64, vref_is_promise(vref) ? 'p' : 'o', sign, number);
        break;
    case REF_DURABLE:
        snprintf(text, REF_TEXT_MAX, "o+d%" PRIu64 "/%" PRIu64, number >> DURABLE_BITS,
            number & ((UINT64_C(1) << DURABLE_BITS) - 1));
        break;
    case REF_NONE:
        snprintf(text, REF_TEXT_MAX, "none");
    }
    return text;
}

/* Reads one decimal number without leading zeros and moves past it. */
static bool
parse_number(struct bytes *text, uint64_t *number)
{
    size_t n = 0;
    uint64_t value = 0;
    while (n < text->size && text->data[n] >= '0' && text->data[n] <= '9') {
        value = value * 10 + (uint64_t)(text->data[n] - '0');
        if (value > REF_NUMBER_MAX)
            return false;
        n++;
    }
    if (n == 0 || (n > 1 && text->data[0] == '0'))
        return false;
    text->data += n;
    text->size -= n;
    *number = value;
    return true;
}

static bool
parse_char(struct bytes *text, char expected)
{
    if (text->size == 0 || text->data[0] != expected)
        return false;
    text->data++;
    text->size--;
    return true;
}

struct kref
kref_parse(struct bytes text)
{
    uint64_t number;
    if (!parse_char(&text, 'k'))
        return KREF_NONE;
    bool promise = parse_char(&text, 'p');
    if (!promise && !parse_char(&text, 'o'))
        return KREF_NONE;
    if (!parse_number(&text, &number) || text.size != 0 || number == 0)
        return KREF_NONE;
    return promise ? kref_promise(number) : kref_object(number);
}

static struct vref
parse_durable(struct bytes text)
{
    uint64_t kind;
    uint64_t instance;
    if (!parse_number(&text, &kind) || !parse_char(&text, '/'))
        return VREF_NONE;
    if (!parse_number(&text, &instance) || text.size != 0)
        return VREF_NONE;
    if (kind >> (60 - DURABLE_BITS) != 0 || instance >> DURABLE_BITS != 0)
        return VREF_NONE;
    return vref_export(REF_DURABLE, kind << DURABLE_BITS | instance);
}

struct vref
vref_parse(struct bytes text)
{
    uint64_t number;
    enum ref_kind kind = REF_OBJECT;
    if (parse_char(&text, 'p'))
        kind = REF_PROMISE;
    else if (!parse_char(&text, 'o'))
        return VREF_NONE;
    bool import = parse_char(&text, '-');
    if (!import && !parse_char(&text, '+'))
        return VREF_NONE;
    if (kind == REF_OBJECT && !import && parse_char(&text, 'd'))
        return parse_durable(text);
    if (!parse_number(&text, &number) || text.size != 0)
        return VREF_NONE;
    return import ? vref_import(kind, number) : vref_export(kind, number);
}
