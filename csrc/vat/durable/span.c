#include "vat/durable/span.h"

#include <assert.h>
#include <string.h>

#define BATCH_MIN 4
#define BATCH_MAX 64

static void
set(struct buf *buf, struct bytes bytes)
{
    buf_clear(buf);
    buf_append(buf, bytes.data, bytes.size);
}

void
span_begin(struct span *span, struct bytes from, bool goes_on)
{
    assert(!goes_on || (span->known && !span->to_end && span_is_behind(span, from)));
    span->batch = !goes_on ? BATCH_MIN : span->batch < BATCH_MAX ? span->batch * 2 : BATCH_MAX;
    if (!goes_on)
        set(&span->low, from);
}

void
span_reach(struct span *span, struct bytes last, bool to_end)
{
    span->known = true;
    span->to_end = to_end;
    if (!to_end)
        set(&span->high, last);
    assert(to_end || bytes_compare(buf_view(&span->low), last) <= 0);
}

bool
span_has(const struct span *span, struct bytes key)
{
    return span->known && bytes_compare(key, buf_view(&span->low)) >= 0 &&
           (span->to_end || bytes_compare(key, buf_view(&span->high)) <= 0);
}

bool
span_is_behind(const struct span *span, struct bytes key)
{
    struct bytes high = buf_view(&span->high);
    return span->known && !span->to_end && key.size == high.size + 1 && key.data[high.size] == 0 &&
           (high.size == 0 || memcmp(key.data, high.data, high.size) == 0);
}

void
span_forget(struct span *span)
{
    span->known = false;
}

void
span_free(struct span *span)
{
    buf_free(&span->low);
    buf_free(&span->high);
}
