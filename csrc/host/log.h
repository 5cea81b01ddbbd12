/* The log: what vats printed and what the host says of them, kept until the program takes it. */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include "host/host.h"

/* vat: 0 when it is about none. Copies. */
void log_add(struct host *host, enum log_level level, uint64_t vat, struct bytes text);
/* As log_add, but of a text in a buf, which is emptied. */
void log_say(struct host *host, enum log_level level, uint64_t vat, struct buf *text);
/* What the delivery logged; what it printed is shown as undone when it was not kept. */
void log_outcome(struct host *host, uint64_t vat, const struct outcome *outcome, bool kept);
/* A fault that the kernel noted, beside what the vat printed. */
void log_fault(struct host *host, uint64_t vat);
void log_free(struct host *host);

#endif
