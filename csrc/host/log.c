#include "host/log.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "host/internal.h"
#include "kernel/face/block.h"
#include "kernel/face/vats.h"

const struct log_entry *
host_log(struct host *host, size_t *count)
{
    *count = host->log.count;
    return host->log.items;
}

void
host_log_clear(struct host *host)
{
    for (size_t i = 0; i < host->log.count; i++)
        free(host->log.items[i].text);
    host->log.count = 0;
}

void
host_notice(struct host *host, struct bytes text)
{
    log_add(host, LOG_NOTICE, 0, text);
}

void
log_add(struct host *host, enum log_level level, uint64_t vat, struct bytes text)
{
    assert(level <= LOG_NOTICE);
    struct log_entry entry = {
        .level = level,
        .vat = vat,
        .crank = kernel_cranks(host->kernel),
        .text = (char *)memory_copy(text),
        .size = text.size,
    };
    list_push(&host->log, entry);
}

void
log_say(struct host *host, enum log_level level, uint64_t vat, struct buf *text)
{
    log_add(host, level, vat, buf_view(text));
    buf_free(text);
}

void
log_outcome(struct host *host, uint64_t vat, const struct outcome *outcome, bool kept)
{
    static const enum log_level levels[] = {
        [VAT_LOG_PRINT] = LOG_PRINT,
        [VAT_LOG_UNHANDLED] = LOG_UNHANDLED,
        [VAT_LOG_FAULT] = LOG_FAULT,
        [VAT_LOG_NOTICE] = LOG_NOTICE,
    };
    for (size_t i = 0; i < outcome->log_count; i++) {
        assert(outcome->log[i].level < sizeof levels / sizeof *levels);
        enum log_level level = levels[outcome->log[i].level];
        bool undone = !kept && level == LOG_PRINT;
        log_add(host, undone ? LOG_UNDONE : level, vat, outcome->log[i].text);
    }
}

void
log_fault(struct host *host, uint64_t vat)
{
    struct vat_info info;
    if (kernel_vat_info(host->kernel, vat, &info) && info.fault != NULL)
        log_add(host, LOG_FAULT, vat, bytes_of(info.fault));
}

void
log_free(struct host *host)
{
    host_log_clear(host);
    list_free(&host->log);
}
