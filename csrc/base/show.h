/* Bodies, deliveries and syscalls as text for people: values look as they do in Lua. */
#ifndef BASE_SHOW_H
#define BASE_SHOW_H

#include "base/message.h"

/* Writes a slot's reference into a text of REF_TEXT_MAX characters. */
typedef const char *show_slot(const void *context, uint64_t index, char *text);

/* Appends the body's values, with commas between; what is malformed shows as "malformed". */
void show_body(struct buf *text, struct bytes body, show_slot *slot, const void *context);
/* A Lua string literal on one line; bytes that a terminal might obey are escaped. */
void show_string(struct buf *text, struct bytes string);
/* The syscalls of an outcome, one a line, in the vat's own references. */
void show_syscalls(struct buf *text, struct bytes syscalls);

#endif
