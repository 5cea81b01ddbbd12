/* What kernel and vat say to each other: one delivery in, one outcome out, both as bytes.
 *
 * The kernel writes a delivery in the receiver's vrefs; the vat records syscalls while its Lua
 * runs, and the kernel applies them after it has returned. The same bytes are the transcript, so
 * a replay compares them. A decoder borrows from the bytes it reads and takes its lists from an
 * arena; it returns false for anything malformed. */
#ifndef BASE_MESSAGE_H
#define BASE_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/read.h"
#include "base/ref.h"

/* A reference that travels with a value. The interface is said by a vat for an object of its own
   that it has not exported before, and empty otherwise. */
struct slot {
    struct vref vref;
    struct bytes interface;
};

struct capdata {
    struct bytes body; /* CBOR; see base/cbor.h */
    const struct slot *slots;
    size_t slot_count;
};

enum settle_state {
    SETTLE_FULFILLED = 1, /* value: the values */
    SETTLE_REJECTED = 2,  /* value: the reason, alone in its array */
    SETTLE_FOLLOW = 3,    /* the promise goes the way of another; only in a resolve syscall */
};

struct settlement {
    struct vref promise;
    enum settle_state state;
    struct capdata value;
    struct vref follow;
};

enum delivery_kind {
    DELIVER_MESSAGE = 1,
    DELIVER_NOTIFY = 2,
    DELIVER_DROP_EXPORTS = 3,
    DELIVER_RETIRE_EXPORTS = 4,
    DELIVER_RETIRE_IMPORTS = 5,
    DELIVER_BRING_OUT_YOUR_DEAD = 6,
    DELIVER_START_VAT = 7,
};

struct delivery {
    enum delivery_kind kind;
    double now; /* seconds since 1970: vat.now() */
    /* message */
    struct vref target;
    struct vref result; /* none when the sender wants no result */
    struct bytes method;
    struct capdata value; /* a message's arguments, start_vat's parameters */
    /* notify */
    const struct settlement *settlements;
    size_t settlement_count;
    uint8_t budget_exceeded; /* 0; in a second attempt the fault of the first, an enum vat_fault:
                                see "The crank" in ARCHITECTURE.md */
    /* the three GC deliveries */
    const struct vref *refs;
    size_t ref_count;
    /* start_vat */
    struct bytes name;
    uint64_t incarnation;
};

void delivery_encode(struct buf *buf, const struct delivery *delivery);
bool delivery_decode(struct bytes bytes, struct arena *arena, struct delivery *delivery);
const char *delivery_name(enum delivery_kind kind);

/* Imports that one bring_out_your_dead reports at the most; a full report asks for another. */
#define REAP_REPORT_MAX 10000

enum syscall_kind {
    SYSCALL_SEND = 1,
    SYSCALL_SUBSCRIBE = 2,
    SYSCALL_RESOLVE = 3,
    SYSCALL_EXIT = 4,
    SYSCALL_DROP_IMPORTS = 5,
    SYSCALL_RETIRE_IMPORTS = 6,
    SYSCALL_RETIRE_EXPORTS = 7,
    SYSCALL_ABANDON_EXPORTS = 8,
};

struct syscall {
    enum syscall_kind kind;
    struct vref target; /* of a send; the promise of a subscribe */
    struct vref result; /* of a send: a new export, or none */
    struct bytes method;
    struct capdata value;                 /* a send's arguments, an exit's value or reason */
    const struct settlement *settlements; /* resolve: one batch, retired together */
    size_t settlement_count;
    bool failure; /* exit_with_failure */
    const struct vref *refs;
    size_t ref_count;
};

/* Appends one syscall; an outcome's syscalls are these one after the other. */
void syscall_encode(struct buf *buf, const struct syscall *syscall);
bool syscalls_decode(
    struct bytes bytes, struct arena *arena, const struct syscall **syscalls, size_t *count);
const char *syscall_name(enum syscall_kind kind);

/* One key of the vat's durable tables that a crank left with another value than it found. */
enum change_space {
    SPACE_VATSTORE = 0, /* vat.vatstore: strings to strings, no slots */
    SPACE_DURABLE = 1,  /* baggage and what else the vat's library keeps */
};

/* Prefixes of keys in SPACE_DURABLE that the kernel looks for, too, each before a vref's word in
   eight bytes, big-endian: an import that durable values name; watches of a promise. The whole
   grammar is in vat/durable.h. */
#define DURABLE_NAMED "tr"
#define DURABLE_WATCHES "tw"

struct entry_value {
    bool present;
    struct bytes body;
    struct bytes slots; /* vrefs, each a number as buf_number writes it */
};

/* Takes one row of a durable table, borrowed for the call; false: it wants no more. */
typedef bool entry_visit(void *context, struct bytes key, struct entry_value value);

struct change {
    enum change_space space;
    struct bytes key;
    struct entry_value before;
    struct entry_value after;
};

void change_encode(struct buf *buf, const struct change *change);
/* Reads the next one; false at the end, and with reader->bad set when it is malformed. */
bool change_decode(struct reader *reader, struct change *change);

#endif
