#include "base/buf.h"

#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *
buf_reserve(struct buf *buf, size_t more)
{
    assert(buf->size <= buf->capacity && (buf->data != NULL || buf->capacity == 0));
    assert(more <= SIZE_MAX / 2 - buf->size);
    if (buf->capacity - buf->size < more) {
        size_t capacity = buf->capacity < 128 ? 256 : buf->capacity * 2;
        if (capacity < buf->size + more)
            capacity = buf->size + more;
        buf->data = memory_resize(buf->data, capacity);
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

void
buf_append(struct buf *buf, const void *data, size_t size)
{
    if (size == 0)
        return;
    memcpy(buf_reserve(buf, size), data, size);
    buf->size += size;
}

void
buf_byte(struct buf *buf, unsigned byte)
{
    *buf_reserve(buf, 1) = (uint8_t)byte;
    buf->size++;
}

void
buf_number(struct buf *buf, uint64_t number)
{
    uint8_t *at = buf_reserve(buf, 10);
    size_t n = 0;
    while (number >= 0x80) {
        at[n++] = (uint8_t)(number | 0x80);
        number >>= 7;
    }
    at[n++] = (uint8_t)number;
    buf->size += n;
}

void
buf_double(struct buf *buf, double value)
{
    buf_append(buf, &value, sizeof value);
}

void
buf_bytes(struct buf *buf, struct bytes bytes)
{
    buf_number(buf, bytes.size);
    buf_append(buf, bytes.data, bytes.size);
}

void
buf_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void
buf_format(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(size >= 0); /* the format is a literal of ours */
    va_start(arguments, format);
    vsnprintf((char *)buf_reserve(buf, (size_t)size + 1), (size_t)size + 1, format, arguments);
    va_end(arguments);
    buf->size += (size_t)size;
}

struct bytes
buf_view(const struct buf *buf)
{
    assert(buf->size <= buf->capacity);
    return (struct bytes){buf->data, buf->size};
}

const char *
buf_string(struct buf *buf)
{
    *buf_reserve(buf, 1) = 0;
    return (const char *)buf->data;
}

void
buf_clear(struct buf *buf)
{
    buf->size = 0;
}

void
buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}
