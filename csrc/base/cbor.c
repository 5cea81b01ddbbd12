#include "base/cbor.h"

#include "base/read.h"
#include "base/utf8.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Heads */

static void
big_endian(struct buf *buf, uint64_t number, unsigned size)
{
    uint8_t *at = buf_reserve(buf, size);
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(number >> (8 * (size - 1 - i)));
    buf->size += size;
}

void
cbor_head(struct buf *buf, enum cbor_major major, uint64_t number)
{
    assert(major <= CBOR_SIMPLE);
    unsigned first = (unsigned)major << 5;
    if (number < 24) {
        buf_byte(buf, first | (unsigned)number);
        return;
    }
    unsigned power = number <= 0xff ? 0 : number <= 0xffff ? 1 : number <= UINT32_MAX ? 2 : 3;
    buf_byte(buf, first | (24 + power));
    big_endian(buf, number, 1U << power);
}

void
cbor_integer(struct buf *buf, int64_t integer)
{
    if (integer >= 0)
        cbor_head(buf, CBOR_UNSIGNED, (uint64_t)integer);
    else
        cbor_head(buf, CBOR_NEGATIVE, ~(uint64_t)integer);
}

/* Floats */

/* The half-precision bits of a single that a half holds exactly, else -1. */
static int
half_of_single(uint32_t single)
{
    unsigned sign = single >> 16 & 0x8000;
    int exponent = (int)(single >> 23 & 0xff);
    uint32_t fraction = single & 0x7fffff;
    if (exponent == 0 && fraction == 0)
        return (int)sign;
    if (exponent == 0xff)
        return fraction == 0 ? (int)(sign | 0x7c00) : -1;
    exponent -= 127;
    if (exponent >= -14 && exponent <= 15) {
        if ((fraction & 0x1fff) != 0)
            return -1;
        return (int)(sign | (unsigned)(exponent + 15) << 10 | fraction >> 13);
    }
    if (exponent < -24 || exponent > 15)
        return -1;
    unsigned shift = (unsigned)(-exponent - 1); /* a subnormal half: 2^-24 steps */
    uint32_t whole = fraction | 0x800000;
    if ((whole & ((UINT32_C(1) << shift) - 1)) != 0)
        return -1;
    return (int)(sign | whole >> shift);
}

static double
double_of_half(uint64_t half)
{
    int exponent = (int)(half >> 10 & 0x1f);
    double fraction = (double)(half & 0x3ff);
    double value;
    if (exponent == 0)
        value = ldexp(fraction, -24);
    else if (exponent == 31)
        value = fraction == 0 ? HUGE_VAL : NAN;
    else
        value = ldexp(fraction + 1024, exponent - 25);
    return (half & 0x8000) != 0 ? -value : value;
}

void
cbor_float(struct buf *buf, double value)
{
    if (isnan(value)) {
        buf_append(buf, "\xf9\x7e\x00", 3);
        return;
    }
    float single = (float)value;
    if ((double)single == value) {
        uint32_t bits;
        memcpy(&bits, &single, sizeof bits);
        int half = half_of_single(bits);
        assert(half < 0 || double_of_half((uint64_t)half) == value);
        buf_byte(buf, half >= 0 ? 0xf9 : 0xfa);
        big_endian(buf, half >= 0 ? (uint64_t)half : bits, half >= 0 ? 2 : 4);
        return;
    }
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    buf_byte(buf, 0xfb);
    big_endian(buf, bits, 8);
}

/* Strings and constants */

void
cbor_string(struct buf *buf, struct bytes string)
{
    cbor_head(buf, utf8_is_valid(string) ? CBOR_TEXT : CBOR_BYTES, string.size);
    buf_append(buf, string.data, string.size);
}

void
cbor_boolean(struct buf *buf, bool value)
{
    buf_byte(buf, value ? 0xf5 : 0xf4);
}

void
cbor_nil(struct buf *buf)
{
    buf_byte(buf, 0xf6);
}

void
cbor_error(struct buf *buf, const char *name, const char *message, int64_t incarnation)
{
    cbor_head(buf, CBOR_ARRAY, 1);
    cbor_head(buf, CBOR_TAG, CBOR_TAG_ERROR);
    cbor_head(buf, CBOR_MAP, incarnation < 0 ? 2 : 3);
    cbor_string(buf, bytes_of("name"));
    cbor_string(buf, bytes_of(name));
    cbor_string(buf, bytes_of("message"));
    cbor_string(buf, bytes_of(message));
    if (incarnation >= 0) {
        cbor_string(buf, bytes_of("incarnation"));
        cbor_integer(buf, incarnation);
    }
}

/* Reading */

static uint64_t
read_big_endian(struct reader *reader, unsigned size)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < size; i++)
        number = number << 8 | read_byte(reader);
    return number;
}

static struct cbor_item
simple(struct reader *reader, unsigned low, uint64_t number)
{
    struct cbor_item item = {.type = CBOR_IS_FLOAT};
    if (low == 25) {
        item.number = double_of_half(number);
    } else if (low == 26) {
        uint32_t bits = (uint32_t)number;
        float single;
        memcpy(&single, &bits, sizeof single);
        item.number = (double)single;
    } else if (low == 27) {
        memcpy(&item.number, &number, sizeof number);
    } else if (low == 20 || low == 21) {
        item.type = CBOR_IS_BOOLEAN;
        item.boolean = low == 21;
    } else {
        item.type = low == 22 ? CBOR_IS_NIL : CBOR_IS_BAD;
    }
    if (reader->bad)
        item.type = CBOR_IS_BAD;
    return item;
}

static struct cbor_item
counted(struct reader *reader, enum cbor_type type, uint64_t count, unsigned each)
{
    struct cbor_item item = {.type = type, .count = count};
    if (count > (uint64_t)(reader->end - reader->at) / each)
        item.type = CBOR_IS_BAD;
    return item;
}

static struct cbor_item
string(struct reader *reader, uint64_t size)
{
    struct cbor_item item = counted(reader, CBOR_IS_STRING, size, 1);
    if (item.type != CBOR_IS_BAD) {
        item.string = (struct bytes){reader->at, (size_t)size};
        reader->at += size;
    }
    return item;
}

static struct cbor_item
integer(uint64_t number, bool negative)
{
    if (number > INT64_MAX)
        return (struct cbor_item){.type = CBOR_IS_BAD};
    int64_t value = negative ? -(int64_t)number - 1 : (int64_t)number;
    return (struct cbor_item){.type = CBOR_IS_INTEGER, .integer = value};
}

struct cbor_item
cbor_next(struct reader *reader)
{
    struct cbor_item bad = {.type = CBOR_IS_BAD};
    unsigned first = read_byte(reader);
    unsigned low = first & 31;
    if (reader->bad || low > 27)
        return bad;
    uint64_t number = low < 24 ? low : read_big_endian(reader, 1U << (low - 24));
    if (reader->bad)
        return bad;
    switch ((enum cbor_major)(first >> 5)) {
    case CBOR_UNSIGNED:
    case CBOR_NEGATIVE:
        return integer(number, first >> 5 == CBOR_NEGATIVE);
    case CBOR_BYTES:
    case CBOR_TEXT:
        return string(reader, number);
    case CBOR_ARRAY:
        return counted(reader, CBOR_IS_ARRAY, number, 1);
    case CBOR_MAP:
        return counted(reader, CBOR_IS_MAP, number, 2);
    case CBOR_TAG:
        return (struct cbor_item){.type = CBOR_IS_TAG, .count = number};
    case CBOR_SIMPLE:
        return simple(reader, low, number);
    }
    return bad;
}

static bool
skip(struct reader *reader, unsigned depth)
{
    struct cbor_item item = cbor_next(reader);
    if (item.type == CBOR_IS_BAD || depth == 0)
        return false;
    uint64_t inner = 0;
    if (item.type == CBOR_IS_ARRAY)
        inner = item.count;
    else if (item.type == CBOR_IS_MAP)
        inner = item.count * 2;
    else if (item.type == CBOR_IS_TAG)
        inner = 1;
    for (uint64_t i = 0; i < inner; i++) {
        if (!skip(reader, depth - 1))
            return false;
    }
    return true;
}

bool
cbor_skip(struct reader *reader)
{
    return skip(reader, 2 * CBOR_DEPTH_MAX + 4); /* each table may sit behind a tag */
}

bool
cbor_single_object(struct bytes body, uint64_t *index)
{
    struct reader reader = reader_of(body);
    struct cbor_item list = cbor_next(&reader);
    struct cbor_item tag = cbor_next(&reader);
    struct cbor_item pair = cbor_next(&reader);
    struct cbor_item slot = cbor_next(&reader);
    struct cbor_item interface = cbor_next(&reader);
    *index = (uint64_t)slot.integer;
    return list.type == CBOR_IS_ARRAY && list.count == 1 && tag.type == CBOR_IS_TAG &&
           tag.count == CBOR_TAG_OBJECT && pair.type == CBOR_IS_ARRAY && pair.count == 2 &&
           slot.type == CBOR_IS_INTEGER && slot.integer >= 0 && interface.type == CBOR_IS_STRING &&
           reader.at == reader.end;
}
