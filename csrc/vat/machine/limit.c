#include "vat/machine/limit.h"

#include "vat/machine/heap_trim.h"
#include "vat/machine/outside.h"
#include "vat/machine/stack.h"

#include <assert.h>
#include <locale.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#define TICK_NS 5000000L
#define BYTES_CHARGED 8 /* for one instruction */
#define HOOK_STEP 100   /* instructions; Lua traps at each one whatever the step */

static sigjmp_buf way_out;
static volatile sig_atomic_t running;    /* a body runs */
static volatile sig_atomic_t ticks_left; /* 0: no limit */
static uint64_t instructions_left;       /* 0: no limit */

/* The tick runs on for the thread that last ran a vat; without a vat it does nothing. */
static struct {
    bool made;
    timer_t timer;
    uint64_t number; /* of the ticks made, this one included */
} tick;

/* The thread's own tick. What the system calls a thread by serves again when that has ended. */
static _Thread_local uint64_t own_tick;

const char *
limit_text(enum vat_fault fault)
{
    switch (fault) {
    case VAT_FAULT_MEMORY:
        return "delivery exceeded its memory limit";
    case VAT_FAULT_INSTRUCTIONS:
        return "delivery exceeded its instruction budget";
    default:
        return "delivery exceeded its time limit";
    }
}

bool
limit_is_running(void)
{
    return running != 0;
}

void
limit_fault(enum vat_fault fault)
{
    if (!running)
        abort();
    assert(fault != VAT_OK && !outside_is_open()); /* memory outside is whole when a body is left */
    running = 0;
    siglongjmp(way_out, (int)fault);
}

static void
on_tick(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    if (!running || ticks_left == 0)
        return;
    ticks_left -= 1 + info->si_overrun;
    if (ticks_left > 0)
        return;
    ticks_left = 0;
    if (!outside_postpone())
        limit_fault(VAT_FAULT_TIME);
}

/* A child has no timer of its own. */
static void
forget_tick(void)
{
    tick.made = false;
}

static void
start_tick(void)
{
    static bool prepared;
    if (!prepared) {
        /* SA_NODEFER: the handler leaves by a longjmp that restores no mask. */
        struct sigaction action = {
            .sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
        sigaction(SIGRTMIN + 3, &action, NULL);
        pthread_atfork(NULL, NULL, forget_tick);
        prepared = true;
    }
    if (tick.made)
        timer_delete(tick.timer);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 3};
    event._sigev_un._tid = gettid();
    struct itimerspec period = {{0, TICK_NS}, {0, TICK_NS}};
    tick.made = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &tick.timer) == 0 &&
                timer_settime(tick.timer, 0, &period, NULL) == 0;
    own_tick = ++tick.number;
}

static sig_atomic_t
ticks_of(double seconds)
{
    double ticks = seconds * 1e9 / TICK_NS + 1;
    assert(ticks >= 1); /* 0 would be no limit */
    return ticks < 1e9 ? (sig_atomic_t)ticks : 1000000000;
}

/* What the host's locale says about letters, order and decimal points is not for vats. */
static locale_t
plain_locale(void)
{
    static locale_t plain;
    if (plain == NULL)
        plain = newlocale(LC_ALL_MASK, "C", NULL);
    return plain;
}

#define FLOAT_PLAIN 0x1f80u /* round to the nearest, keep what is tiny, no traps */
#define FLOAT_FLAGS 0x3fu   /* what happened; says nothing of what will */

/* Nor is how the host, or a library that it has loaded, wants floats to be rounded. */
static unsigned
float_mode(void)
{
#if defined(__SSE2__)
    return _mm_getcsr() & ~FLOAT_FLAGS;
#else
    return FLOAT_PLAIN;
#endif
}

static void
set_float_mode(unsigned mode)
{
    (void)mode;
#if defined(__SSE2__)
    if (float_mode() != mode)
        _mm_setcsr(mode);
#endif
}

enum vat_fault
limit_run(struct machine *machine, bool limited, void (*body)(struct vat *vat))
{
    assert(!running); /* one body at a time */
    bool timed = limited && machine->time_limit > 0;
    if (timed && !(tick.made && tick.number == own_tick))
        start_tick();
    ticks_left = timed ? ticks_of(machine->time_limit) : 0;
    instructions_left = limited ? machine->instruction_budget : 0;
    outside_reset();
    locale_t locale = uselocale(plain_locale());
    unsigned floats = float_mode();
    set_float_mode(FLOAT_PLAIN);
    int fault = sigsetjmp(way_out, 0);
    if (fault == 0) {
        running = 1;
        stack_run(machine->heap->vat, body);
        running = 0;
        assert(!outside_is_open());
        heap_trim(machine->heap);
    } else {
        stack_left();
    }
    set_float_mode(floats);
    uselocale(locale);
    return (enum vat_fault)fault;
}

void
limit_charge(lua_State *L, uint64_t instructions)
{
    (void)L;
    assert(!outside_is_open());
    if (instructions_left == 0)
        return;
    if (instructions >= instructions_left)
        limit_fault(VAT_FAULT_INSTRUCTIONS);
    instructions_left -= instructions;
}

void
limit_charge_bytes(lua_State *L, size_t bytes)
{
    limit_charge(L, bytes / BYTES_CHARGED);
}

static void
on_count(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    limit_charge(L, HOOK_STEP);
}

void
limit_hook(lua_State *L, const struct machine *machine)
{
    if (machine->instruction_budget > 0)
        lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_STEP);
}

void
limit_pause(void)
{
    assert(running && !outside_is_open());
    ticks_left = 0;
    instructions_left = 0;
}
