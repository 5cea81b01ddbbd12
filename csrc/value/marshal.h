/* Lua values as CBOR bodies: straight from the Lua stack. Back, straight onto it, is unmarshal.h.
 *
 * The same engine serves vats and the host, so this file includes lua.h and the base only, and is
 * compiled once for each of the two Luas. What a reference is, and how one is made, is told by
 * callbacks. Tables are read with raw access: no code of the caller runs meanwhile. */
#ifndef VALUE_MARSHAL_H
#define VALUE_MARSHAL_H

#include <lua.h>

#include "value/marshal_out.h"

#define MARSHAL_SIZE_MAX ((size_t)16 << 20) /* bytes of one body */
#define MARSHAL_SLOT_MAX ((size_t)10000)    /* references in one body */
#define MARSHAL_VALUE_MAX 100000            /* values in one body; so many fit on any stack */

/* What a userdata stands for. */
struct marshal_ref {
    uint64_t word; /* goes into the slot; two references are one when their words agree */
    bool promise;
    bool news;              /* the slot says the interface too: this object was never exported */
    struct bytes interface; /* of an object; borrowed as long as the encoding runs */
    const char *refusal;    /* when it cannot be passed: why; NULL for a text that names its type */
};

struct marshal_ops {
    /* The full userdata at this index: true, and *ref filled, when it is a reference that can be
       passed. It may raise. */
    bool (*refer)(lua_State *L, void *context, int index, struct marshal_ref *ref);
    /* Pushes the value for this slot of the body being read; raises when there is no such slot. */
    void (*push)(lua_State *L, void *context, uint64_t slot, bool promise, struct bytes interface);
    /* Around each call that may allocate outside Lua; NULL: nothing to do. */
    void (*outside_begin)(void);
    void (*outside_end)(void);
    /* Now and then while a value is written, refused ones included: bytes since the last time;
       NULL: nobody pays. */
    void (*charge)(lua_State *L, size_t bytes);
    /* What to say of a function; NULL: that it cannot be passed, and Far. */
    const char *no_function;
};

/* How an error names the value at fault. */
struct marshal_path {
    const char *root; /* "args", "result", "baggage.x" */
    bool numbered;    /* the values are root[1], root[2], ...; else there is one, named root */
};

/* Writes count values from the stack, the first one at index, as one body; out's earlier contents
   go. The slots' words are what refer said: of vrefs in a vat, of krefs in the host. Raises a
   string that names the path, or a LimitExceeded; out is then of no use until the next call. Pushes
   nothing. */
void marshal_encode(lua_State *L, int index, int count, struct marshal_path path,
    struct marshal_out *out, const struct marshal_ops *ops, void *context);

#endif
