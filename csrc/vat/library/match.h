/* Lua's patterns, with a price: each step is charged to the delivery, and a pattern nests at most
 * 200 calls. The depth is an argument, so an error cannot leave it wrong. */
#ifndef VAT_LIBRARY_MATCH_H
#define VAT_LIBRARY_MATCH_H

#include <stdbool.h>

#include "vat/machine/lua.h"

#define CAPTURE_MAX 32

/* One pattern over one subject; both are strings that the stack or an upvalue keeps. */
struct match {
    lua_State *L;
    const char *subject, *subject_end;
    const char *pattern_end;
    unsigned steps; /* since the last charge */
    int level;      /* captures, finished or not */
    struct {
        const char *start;
        ptrdiff_t size; /* or a mark: see match.c */
    } captures[CAPTURE_MAX];
};

/* Sets *p to the pattern's first character. */
void match_open(struct match *m, lua_State *L, int subject, int pattern, const char **p);
/* Where a match that begins at s ends, or NULL. */
const char *match_at(struct match *m, const char *s, const char *pattern);
/* Pushes capture i of the match from s to end; the whole match when the pattern has none. */
void match_push(struct match *m, int i, const char *s, const char *end);
/* Pushes all captures, or the whole match when whole is set and there are none; how many. */
int match_push_all(struct match *m, const char *s, const char *end, bool whole);

#endif
