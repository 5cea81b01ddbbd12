/* The vat's own library: what vat code sees of the world, and what it says to it.
 *
 * All of its state lies in the arena, so that undoing a delivery undoes it too. What it records
 * for the kernel lies outside, in struct vat, and is dropped by the next delivery. */
#ifndef VAT_LIVE_LIVESLOTS_H
#define VAT_LIVE_LIVESLOTS_H

#include "vat/internal.h"
#include "vat/machine/limit.h"
#include "vat/machine/outside.h"
#include "vat/machine/sandbox.h"
#include "vat/machine/undo.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/noun.h"
#include "vat/noun/registry.h"
#include "vat/noun/remotable.h"
#include "vat/noun/words.h"

enum live_state { LIVE_PENDING, LIVE_FULFILLED, LIVE_REJECTED };

/* User values: see enum live_value. A promise has a word from its export or import until it is
   settled; the kernel then forgets the word, and so do we. */
struct live_promise {
    enum noun noun;
    enum live_state state;
    bool known;    /* the kernel knows it under its word */
    bool remote;   /* somebody else settles it: a notify will tell */
    bool resolved; /* settled, or it follows another one: nothing can change its way */
    bool handled;  /* somebody would hear of a rejection */
    bool queueing; /* messages wait in its reactions; more must wait behind them */
    int count;     /* of values, when it is fulfilled */
    uint32_t late; /* the delivery in which its reactions are told BudgetExceeded instead */
    uint64_t word;
};

enum live_value {
    LIVE_OUTCOME = 1, /* pending: the promise that it follows, or nil; fulfilled with one value:
                          that; with another number of them: a list; rejected: the reason */
    LIVE_REACTIONS,   /* nil, one reaction, or a list of them */
    LIVE_PROXY,
};

enum reaction_kind {
    REACTION_CALLBACK, /* 1: when fulfilled, 2: when rejected, 3: the promise for what it gives */
    REACTION_FINALLY,  /* 1: the function, 3: the promise */
    REACTION_PASS,     /* after finally's function gave a promise. 2: the first, 3: the promise */
    REACTION_SEND,     /* 1: the method's name, 2: the arguments, 3: the result or nil */
    REACTION_TURN,     /* as SEND, to 4: the target, as it is now. A job, never attached */
};

/* What happens when a promise settles. Other reactions are a coroutine, which awaits it, and a
   promise, which follows it. */
struct reaction {
    enum noun noun;
    enum reaction_kind kind;
    int count;    /* of arguments, in a list */
    bool outcome; /* the first two say how a promise settled */
};

/* liveslots.c: opens all of it on a new sandbox, in the registry and the globals. May raise. */
void liveslots_open(lua_State *L);
/* Replaces the table on top by an object that vat code can read and not change: its fields are the
   table's. Calling it calls the function, which may be NULL. */
void liveslots_push_api(lua_State *L, const char *name, lua_CFunction call);

/* dispatch.c: the open delivery, from its first turn until every coroutine waits or is done. */
void dispatch_deliver(lua_State *L);

/* lremotable.c */
void lremotable_open(lua_State *L);

/* lpromise.c */
void lpromise_open(lua_State *L);

/* live_promise.c */
struct live_promise *live_promise_at(lua_State *L, int index); /* NULL: it is none */
struct live_promise *live_promise_push(lua_State *L);
/* Settle with the values on top of the stack, which they pop. They do nothing to a promise that is
   settled. A single promise among live_promise_resolve's values is followed. */
void live_promise_resolve(lua_State *L, int promise, int count);
void live_promise_fulfil(lua_State *L, int promise, int count);
void live_promise_reject(lua_State *L, int promise);
/* The same way as this one went, which is settled. */
void live_promise_copy(lua_State *L, int promise, int from);
void live_promise_follow(lua_State *L, int promise, int other);
/* The promise that it follows in the end, pushed; itself when it follows none. */
struct live_promise *live_promise_push_end(lua_State *L, int promise);
/* Adds the reaction on top of the stack, and pops it; a job when it is settled. */
void live_promise_attach(lua_State *L, int promise);
int live_promise_push_values(lua_State *L, int promise); /* or the reason; how many */
/* Logs the rejections of this delivery that nobody handles. */
void live_promise_report(lua_State *L);
struct reaction *reaction_push(lua_State *L, enum reaction_kind kind);
void reaction_push_arguments(lua_State *L, int reaction); /* of a SEND or TURN */

/* eventual.c */
void eventual_open(lua_State *L);
void eventual_check_name(lua_State *L, int index); /* a string: raises when no method can have it */
/* Does a SEND reaction whose promise has settled, or follows one that the kernel knows. */
void eventual_forward(lua_State *L, int reaction, int promise);

/* job.c: turns. */
void job_push(lua_State *L, int reaction, int promise); /* promise 0: none */
void job_run_all(lua_State *L);
/* The reason on top goes where the outcome of a turn would have gone. */
void job_reject(lua_State *L, int sink);
/* A new turn's coroutine, pushed. Where its outcome goes is the value on top, which stays below
   it: a promise, a FINALLY reaction, an integer (the vref of a result) or nil. */
lua_State *job_push_turn(lua_State *L);
/* Runs the turn on top of the stack, whose function and arguments lie on its own; pops it and what
   is below it. */
void job_run_turn(lua_State *L, int argument_count);

/* coroutine.c */
void coroutine_open(lua_State *L);
#define COROUTINE_CHARGED 100 /* instructions for a new one, whose count begins anew */
#define COROUTINE_TURN 1u     /* a turn's own coroutine, not one that vat code made */
#define COROUTINE_AWAITS 2u   /* only the promise can resume it */
#define COROUTINE_SEEN 4u     /* vat code may hold it */
#define COROUTINE_COPIES 8u   /* what the turn returns is copied, as if it had been passed */
#define COROUTINE_STORED 16u  /* where its outcome goes is in the table of turns */
uint64_t *coroutine_flags(lua_State *L);

/* slots.c: values as capdata, and back. */
/* Encodes into the vat's buffer for the kernel; slots_commit must follow when it was recorded. */
void slots_encode(lua_State *L, int index, int count, const char *root, bool numbered);
/* The same, but false instead of an error: then the buffer holds the reason why. */
bool slots_try_encode(lua_State *L, int index, int count, const char *root, bool numbered);
struct capdata slots_capdata(lua_State *L); /* what was encoded; borrowed */
void slots_commit(lua_State *L);
/* Replaces the values by copies, as if they had been passed; or raises as that would. */
void slots_copy(lua_State *L, int index, int count, const char *root, bool numbered);
/* The same, but false instead of an error: then the reason is on top, and the values are left. */
bool slots_try_copy(lua_State *L, int index, int count, const char *root, bool numbered);
int slots_decode(lua_State *L, const struct capdata *value);
void slots_forget(lua_State *L, int promise); /* its word, which the kernel has retired */
/* Pushes a new promise for the result of a message, which this vat decides. */
void slots_push_result(lua_State *L, uint64_t word);
void slots_name_promise(lua_State *L, int index); /* gives it a word, if it has none */
/* Tells the kernel how promises that it has met have settled: this one, then all that wait for
   it. */
void slots_resolve(lua_State *L, int promise);
void slots_resolve_exports(lua_State *L);
/* Settles a result that has no promise in this vat; the values are on top, and popped. */
void slots_resolve_word(lua_State *L, uint64_t word, enum live_state state, int count);

/* outgoing.c: each records one. */
void outgoing_record(lua_State *L, const struct syscall *syscall);
/* Ends the delivery when it would record too much with so many bytes more. */
void outgoing_check(lua_State *L, size_t more);
void outgoing_send(lua_State *L, uint64_t target, struct bytes method, uint64_t result);
void outgoing_subscribe(lua_State *L, uint64_t promise);
void outgoing_resolve(lua_State *L, const struct settlement *settlements, size_t count);
void outgoing_follow(lua_State *L, uint64_t promise, uint64_t other);
void outgoing_exit(lua_State *L, bool failure);

/* fault.c: errors as reasons, and the log. */
/* Turns what was raised, on top, into a reason: a string is logged with the thread's traceback, and
   becomes an error value. True when it was. */
bool fault_take(lua_State *L, lua_State *thread);
/* The same for what the library itself raised, where no turn runs: nothing is logged. */
void fault_make_reason(lua_State *L);
/* What a late promise rejects with: the limit that the first attempt of this delivery met. */
void fault_push_late(lua_State *L);
/* "InsufficientFunds: need 1000, have 70" for an error value; pushed. */
const char *fault_push_text(lua_State *L, int index);
/* The text without the positions that Lua put before it. */
const char *fault_strip(lua_State *L, const char *text);
void log_line(lua_State *L, enum vat_log_level level, const char *text, size_t size);
void fault_open(lua_State *L); /* print */

/* module.c */
void module_open(lua_State *L); /* require */
/* Pushes what the main chunk returns. Raises. */
void module_push_main(lua_State *L);

/* watch.c */
void watch_start(lua_State *L); /* those of earlier incarnations */
int watch_add(lua_State *L);    /* vat.watch(p, target, method, ...) */
/* A promise of this vat's heap has settled; a promise known as word follows the other one. */
void watch_settled(lua_State *L, int promise);
void watch_follows(lua_State *L, uint64_t word, uint64_t other);

/* lvat.c */
void lvat_push(lua_State *L); /* the vat object, for the build function */

/* garbage.c */
/* The kernel hears of this object of the vat, again or for the first time. */
void garbage_exported(lua_State *L, struct remotable *object, int index);
/* drop_exports, retire_exports, retire_imports */
void garbage_deliver(lua_State *L, const struct delivery *delivery);
/* After a full collection: tells the kernel which imports and dropped exports are gone. */
void garbage_report(lua_State *L);
/* The same as it was recorded, in a replay that does not find the same. */
void garbage_apply(lua_State *L, struct bytes syscalls);
/* Behind either: tables that have held much more than they do now become small again. */
void garbage_shrink(lua_State *L);
void garbage_probe(lua_State *L, struct vat_probe *probe);

#endif
