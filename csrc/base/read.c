#include "base/read.h"

#include <assert.h>
#include <string.h>

struct reader
reader_of(struct bytes bytes)
{
    return (struct reader){bytes.data, bytes.data + bytes.size, false};
}

bool
read_more(const struct reader *reader)
{
    return !reader->bad && reader->at < reader->end;
}

static const uint8_t *
take(struct reader *reader, size_t size)
{
    if (reader->bad || (size_t)(reader->end - reader->at) < size) {
        reader->bad = true;
        return NULL;
    }
    assert(reader->at <= reader->end);
    const uint8_t *at = reader->at;
    reader->at += size;
    return at;
}

unsigned
read_byte(struct reader *reader)
{
    const uint8_t *at = take(reader, 1);
    return at == NULL ? 0 : *at;
}

uint64_t
read_number(struct reader *reader)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned byte = read_byte(reader);
        if (shift == 63 && byte > 1)
            break;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return reader->bad ? 0 : number;
    }
    reader->bad = true;
    return 0;
}

double
read_double(struct reader *reader)
{
    double value = 0;
    const uint8_t *at = take(reader, sizeof value);
    if (at != NULL)
        memcpy(&value, at, sizeof value);
    return value;
}

struct bytes
read_bytes(struct reader *reader)
{
    uint64_t size = read_number(reader);
    const uint8_t *at = take(reader, size > SIZE_MAX ? SIZE_MAX : (size_t)size);
    return at == NULL ? (struct bytes){NULL, 0} : (struct bytes){at, (size_t)size};
}

size_t
read_count(struct reader *reader)
{
    uint64_t count = read_number(reader);
    if (count > (uint64_t)(reader->end - reader->at)) {
        reader->bad = true;
        return 0;
    }
    return (size_t)count;
}
