/* References: krefs name things in the whole kernel, vrefs name them within one vat.
 *
 *   ko20  object   kp40  promise
 *   o+3   object that the vat exports      o-3   object that it imports     o+0  its root
 *   p+3   promise that the vat allocated   p-3   promise that the kernel allocated
 *   o+d2/7   instance 7 of the vat's durable kind 2
 *
 * Each is one word, so that tables compare and hash words; zero is "none". The word of a vref is
 * what travels between kernel and vat. */
#ifndef BASE_REF_H
#define BASE_REF_H

#include "base/bytes.h"

struct kref {
    uint64_t word; /* number << 1 | is a promise */
};

struct vref {
    uint64_t word; /* number << 3 | is an import << 2 | enum ref_kind */
};

enum ref_kind {
    REF_NONE,
    REF_OBJECT,
    REF_PROMISE,
    REF_DURABLE, /* number: kind << 40 | instance */
};

#define KREF_NONE ((struct kref){0})
#define VREF_NONE ((struct vref){0})
#define VREF_ROOT ((struct vref){REF_OBJECT})
#define REF_NUMBER_MAX (UINT64_C(1) << 60)
#define REF_TEXT_MAX 48 /* characters of any reference, NUL included */

struct kref kref_object(uint64_t number);
struct kref kref_promise(uint64_t number);
bool kref_is_none(struct kref kref);
bool kref_is_promise(struct kref kref);
uint64_t kref_number(struct kref kref);
bool kref_equal(struct kref a, struct kref b);

struct vref vref_export(enum ref_kind kind, uint64_t number);
struct vref vref_import(enum ref_kind kind, uint64_t number);
/* Any word off the wire: false when it is none or malformed. */
bool vref_is_valid(struct vref vref);
bool vref_is_none(struct vref vref);
bool vref_is_import(struct vref vref);
bool vref_is_promise(struct vref vref);
enum ref_kind vref_kind(struct vref vref);
uint64_t vref_number(struct vref vref);
bool vref_equal(struct vref a, struct vref b);

/* Text into a buffer of REF_TEXT_MAX characters, which is returned; "none" for none. */
const char *kref_print(struct kref kref, char *text);
const char *vref_print(struct vref vref, char *text);
/* The whole text or nothing: leading zeros, signs and spaces are refused; none when refused. */
struct kref kref_parse(struct bytes text);
struct vref vref_parse(struct bytes text);

#endif
