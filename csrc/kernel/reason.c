#include "kernel/reason.h"

#include "base/cbor.h"

struct blob *
reason_new(const char *name, const char *message, int64_t incarnation)
{
    struct buf body = {0};
    cbor_error(&body, name, message, incarnation);
    struct blob *reason = blob_new(buf_view(&body), NULL, 0);
    buf_free(&body);
    return reason;
}
