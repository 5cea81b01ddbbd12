/* How an error names the value at fault: "args[2].list[3]". */
#ifndef VALUE_VALUEPATH_H
#define VALUE_VALUEPATH_H

#include "base/cbor.h"
#include "value/entry.h"
#include "value/marshal.h"

/* The way from the body's root to the value that is written now. */
struct valuepath {
    struct marshal_path root;
    int number; /* of the value, when they are numbered */
    int depth;  /* steps in use */
    struct valuepath_step {
        const void *table;
        const struct entry *entry; /* NULL: number is the index */
        lua_Integer number;
    } steps[CBOR_DEPTH_MAX]; /* written before they are read */
};

/* Pushes it as a text, which shows the first steps of a long one. */
void valuepath_push(lua_State *L, const struct valuepath *path);
/* Cuts the path where a table is inside itself for the first time; false: there is none. */
bool valuepath_cut(struct valuepath *path);

#endif
