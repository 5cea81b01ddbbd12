/* Objects: remotables, which this vat has made, and presences, which stand for others'. Instances
 * of kinds are remotables whose word begins with their kind: durable/instance.h.
 *
 * An object's word is its vref's, by which the kernel knows it; words.h leads from there to it. A
 * remotable gets one when it first leaves the vat, and a new one when it leaves again after the
 * kernel retired the old; a presence and an instance are made with theirs. What holds:
 *   word == 0: known and pinned are false, and no table of words.h names the object
 *   pinned: known, and a remotable
 *   inner: word != 0, and no table names it: the instance that it stands for is there instead */
#ifndef VAT_NOUN_REMOTABLE_H
#define VAT_NOUN_REMOTABLE_H

#include "base/bytes.h"
#include "vat/noun/noun.h"

struct remotable {
    enum noun noun;
    bool known;    /* the kernel knows an object of this vat under this word */
    bool pinned;   /* somebody else may reach it, so it stays */
    bool inner;    /* an instance as its own methods see it: known and pinned say nothing */
    uint64_t word; /* of its vref; 0: never exported, or retired */
    size_t interface_size;
    char interface[];
};

/* Its user values. Only instances have the last. */
enum remotable_value {
    REMOTABLE_METHODS = 1, /* by name; none of a presence */
    REMOTABLE_PROXY,       /* what E gave for it */
    REMOTABLE_OTHER,       /* of an instance its self, of a self the instance */
};

/* Pushes a new one without a word, of the userdata type, with so many user values. */
struct remotable *remotable_push(
    lua_State *L, enum noun noun, struct bytes interface, const char *type, int values);
/* Pushes a new presence, which its word leads to from now on. */
void remotable_push_presence(lua_State *L, uint64_t word, struct bytes interface);
/* A remotable or presence at index, or NULL. */
struct remotable *remotable_at(lua_State *L, int index);
bool remotable_is_durable(const struct remotable *object);        /* an instance */
struct bytes remotable_interface(const struct remotable *object); /* lives with it */
/* What of the rules above can be seen on the object itself; for assertions. */
bool remotable_is_sound(const struct remotable *object);

/* Pushes the remotable's method, or nil. */
void remotable_push_method(lua_State *L, int object, int name);
/* Pushes an error value: it has no such method, it has these. */
void remotable_push_no_method(lua_State *L, int object, int name);
/* Pushes how texts name it. */
const char *remotable_push_interface(lua_State *L, const struct remotable *object);

#endif
