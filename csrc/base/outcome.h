/* What a delivery came to. */
#ifndef BASE_OUTCOME_H
#define BASE_OUTCOME_H

#include "base/bytes.h"

enum vat_fault {
    VAT_OK,
    VAT_FAULT_TIME,         /* delivery exceeded its time limit */
    VAT_FAULT_MEMORY,       /* ... its memory limit */
    VAT_FAULT_INSTRUCTIONS, /* ... its instruction budget */
    VAT_FAULT_START,        /* start_vat: the chunk or the build function failed; see reason */
    VAT_FAULT_BROKEN,       /* the Lua state raised outside of any protection, or the delivery is
                               malformed: the vat cannot go on as it is */
};

enum vat_log_level {
    VAT_LOG_PRINT,
    VAT_LOG_UNHANDLED, /* a rejection that nobody handles */
    VAT_LOG_FAULT,     /* an error raised in a method or callback, with its traceback */
    VAT_LOG_NOTICE,
};

struct vat_log_line {
    enum vat_log_level level;
    struct bytes text;
};

/* Everything is borrowed until the next call with the same vat. With a fault, syscalls and changes
   are empty and the heap is already as before; the log stays, to be shown as undone. */
struct outcome {
    enum vat_fault fault;
    const char *reason;     /* what the fault was, for people; NULL when there is none */
    struct bytes syscalls;  /* base/message.h: syscalls_decode */
    struct bytes changes;   /* base/message.h: change_decode, in space and key order */
    struct bytes interface; /* after start_vat: the root's */
    const struct vat_log_line *log;
    size_t log_count;
};

#endif
