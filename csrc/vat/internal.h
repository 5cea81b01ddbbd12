/* What the files of the vat layer share; nobody else includes it.
 *
 * Three rules hold everywhere in this layer:
 * 1. Whatever a vat's Lua can reach, and whatever must be rolled back with it, lies in the arena.
 *    Pointers from the arena lead into the arena or into this shared object, never to malloc.
 * 2. While vat code runs, a timer tick or a refused allocation may leave it with a longjmp at any
 *    instruction. Code that touches memory outside the arena does so between outside_begin and
 *    outside_end, does bounded work there, and calls no lua_* function there.
 * 3. No error leaves this layer as a Lua error: every entry runs under lua_pcall. */
#ifndef VAT_INTERNAL_H
#define VAT_INTERNAL_H

#include <setjmp.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "value/marshal.h"
#include "vat/durable/store.h"
#include "vat/vat.h"

/* heap.c: one vat's arena.
 *
 * The header, with the allocator's whole state, is the first thing in the range, so that copying
 * pages copies the allocator too. Ranges start at multiples of 4 GiB, so any address in one leads
 * to its header. */
struct liveslots;

struct heap {
    uint64_t magic;
    struct vat *vat;      /* set again whenever the range is loaded; the one pointer outwards */
    lua_State *L;         /* the main thread */
    struct liveslots *ls; /* the vat library's state, in the arena; NULL until it is opened */
    uint64_t limit;       /* bytes of Lua heap */
    uint64_t live;        /* bytes that Lua holds */
    uint64_t used;        /* bytes from the range's start that were ever reached */
    /* heap.c adds its own below this line */
    struct heap_private {
        uint64_t reserve;
        uint64_t allocations; /* successful ones, ever: deterministic */
        uint64_t pending;     /* size of a refused request: a second refusal ends the delivery */
        uint64_t freed;       /* bytes since heap_trim last searched */
        void *state;          /* the first block: lua_newstate's */
        uint64_t state_size;
        void *free_lists[129];
        uint64_t bump, bump_end;
        uint32_t run_count;
        struct heap_run {
            uint32_t start, length; /* pages */
        } runs[860];                /* free ones; with the rest they fill two pages */
    } own;
};

#define HEAP_PAGE 4096u

struct heap *heap_open(uint64_t number, uint64_t limit); /* NULL: no range is free */
/* An empty range for an image's pages; NULL: it is taken, or no heap can have been there. */
struct heap *heap_open_at(uint64_t base, uint64_t reserve);
bool heap_is_sound(const struct heap *heap); /* what a loaded header says can be true */
void heap_close(struct heap *heap);
/* The heap that an address in the arena belongs to. */
static inline struct heap *
heap_of(const void *address)
{
    return (struct heap *)((uintptr_t)address & ~(uintptr_t)0xffffffff);
}
static inline struct vat *
vat_of(lua_State *L)
{
    return heap_of(L)->vat;
}
/* The lua_Alloc of every vat; ud is the heap. */
void *heap_allocate(void *ud, void *block, size_t old_size, size_t new_size);
/* What Lua may still take. The kernel's collector has room of its own (vat.c), and may leave the
 * heap above its limit: then nothing. */
static inline uint64_t
heap_room(const struct heap *heap)
{
    return heap->live < heap->limit ? heap->limit - heap->live : 0;
}
void heap_save(struct heap *heap);             /* remembers every used page */
void heap_restore(struct heap *heap);          /* puts them back as they were */
void heap_write_all(struct heap *heap);        /* before a collection, which writes every page */
void heap_forget(struct heap *heap);           /* lets go of what heap_save keeps for this heap */
bool heap_has_shadow(const struct heap *heap); /* its pages are kept twice */
uint64_t heap_hash(const struct heap *heap);
uint64_t heap_in_use(const struct heap *heap); /* bytes of pages that are not free */
/* Makes whole pages of free blocks when much was freed; limit_run does it behind the body. */
void heap_trim(struct heap *heap);
/* While no delivery is open: gives free pages back to Linux, and what heap_save keeps and does not
 * need. Nothing that the heap holds, and no address that it will give out, changes by it. */
void heap_release(struct heap *heap);
void heap_release_shared(void); /* what all heaps use in turn */
/* Of what lies at base as the heap's pages lie in it, the free ones. */
void heap_release_pages(const struct heap *heap, uint8_t *base);
void heap_release_counts(void);

/* image.c: the heap that an image holds, at its place; NULL with *reason set. */
struct heap *image_open(struct bytes image, const char **reason);

/* limit.c: what a delivery may use, and the way out when it is used up.
 *
 * limit_run calls body with the limits on; it returns VAT_OK when body returned, else what ended
 * it. Nothing in a vat can catch that or run after it. */
enum vat_fault limit_run(struct vat *vat, void (*body)(struct vat *vat), enum vat_mode mode);
const char *limit_text(enum vat_fault fault);     /* which limit it is that was exceeded */
_Noreturn void limit_fault(enum vat_fault fault); /* leaves the running body */
bool limit_is_running(void);                      /* a body runs: limit_fault has somewhere to go */
void limit_hook(lua_State *L);                    /* the instruction budget, on a new main thread */
/* Switches time and instruction limits off until the delivery ends (a collection, say). */
void limit_pause(void);
/* Charges work that a C function does in one Lua instruction, in Lua instructions. */
void limit_charge(lua_State *L, uint64_t instructions);
void limit_charge_bytes(lua_State *L, size_t bytes); /* that it reads, writes or compares */
void outside_begin(void);
void outside_end(void); /* leaves the delivery when a tick came meanwhile and time is up */

/* stack.c: the C stack that vats run on. */
bool stack_open(void);                                          /* false: no memory for it */
void stack_run(struct vat *vat, void (*body)(struct vat *vat)); /* after stack_open */
void stack_left(void);    /* where a longjmp out of body has landed */
void stack_release(void); /* while nothing runs on it: what was there goes */

/* sandbox.c: a Lua state with the allow-listed library and nothing else: its globals table holds
 * the "Lua" row of the globals in the vat author's manual but for print, require and coroutine,
 * which liveslots adds. __gc, __mode, __close and __concat are inert in it. The collector is
 * stopped. NULL: the self-test of this build's Lua failed, or memory is out. */
lua_State *sandbox_open(struct vat *vat);
bool sandbox_self_test(const char **reason); /* once in a process */
/* Pushes the function of a chunk, which is a text, or a message; returns Lua's status. */
int sandbox_compile(lua_State *L, const char *text, size_t size, const char *name);
/* What tostring gives, pushed: never an address. Lua's own shows them, so nobody here calls it. */
const char *sandbox_tostring(lua_State *L, int index, size_t *size);
#undef luaL_tolstring
#define luaL_tolstring sandbox_tostring
/* Lua's own remembers strings by their C address, which differs between processes. */
#undef lua_pushstring
#define lua_pushstring(L, text) lua_pushlstring(L, text, strlen(text))
/* Sets an event that is inert for vat code, "__mode" say, in the metatable below the value on top,
 * which it pops. No metatable that vat code can reach may hold one. */
void sandbox_event(lua_State *L, const char *event);
/* Makes the userdata type's metatable unreachable and unchangeable for vat code, and sets
 * methods (may hold __index, __call, __tostring, ...). Leaves nothing on the stack. */
void sandbox_type(lua_State *L, const char *name, const luaL_Reg *methods);

/* One vat, outside its arena. */
struct vat {
    struct vat_options options;
    struct heap *heap;
    struct shadow *shadow;      /* undo.c's, of the heap */
    struct vat_module *modules; /* owned copies */
    size_t module_count;
    struct store *vatstore;
    struct store *durable;
    /* the delivery that is open */
    struct arena arena;
    struct delivery delivery;
    enum vat_mode mode;
    struct buf syscalls;
    struct buf changes;
    struct buf reason;
    struct vat_log_line *log;
    size_t log_count, log_capacity;
    size_t send_count;       /* for the limit of sends in one delivery */
    struct bytes expected;   /* in replay: what the delivery reported when it was live */
    bool applies;            /* expected is applied, and not found again */
    uint64_t most;           /* bytes of heap that it may leave */
    struct vat_probe *probe; /* while one is under way */
    bool open;               /* delivered, and neither kept nor undone */
    bool ran;                /* the heap differs from what heap_save remembers */
    bool rested;             /* vat_trim was called, and nothing since */
    /* liveslots */
    struct marshal_out out;               /* the body in the making */
    size_t print_count;                   /* lines printed in this delivery */
    bool failed;                          /* start_vat: reason says why */
    bool exited;                          /* vat.exit was called */
    struct bytes interface;               /* of the root, in the arena of the delivery */
    struct buf scratch;                   /* one record's slots, as they are stored */
    struct buf states[2], state_slots[2]; /* the state of an instance in the making */
    struct buf unheld; /* instances that lost their last holder while the dead are sought */
    bool seeks_dead;
    size_t stored_size; /* bytes put into the durable tables in this delivery */
};

/* vat.exit_with_failure: the delivery is over, and only its exit counts. */
#define FAULT_EXIT ((enum vat_fault)(VAT_FAULT_BROKEN + 1))

#endif
