#include "vat/machine/stack.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define STACK_ADDRESS UINT64_C(0x200800000000)
#define STACK_SIZE (UINT64_C(16) << 20)
#define GUARD_SIZE 4096u /* below it: running over ends the process, and harms no memory */

static uint8_t *stack;
static bool in_use; /* a body runs on it; one at a time, since it always begins at the top */

#if defined(__x86_64__)

/* Calls body(vat) with the stack pointer at top. A longjmp may leave it. */
void stack_switch(struct vat *vat, void (*body)(struct vat *vat), void *top);

__asm__(".pushsection .text\n"
        ".type stack_switch, @function\n"
        ".hidden stack_switch\n"
        "stack_switch:\n"
        "  .cfi_startproc\n"
        "  push %rbp\n"
        "  .cfi_def_cfa_offset 16\n"
        "  .cfi_offset %rbp, -16\n"
        "  mov %rsp, %rbp\n"
        "  .cfi_def_cfa_register %rbp\n"
        "  mov %rdx, %rsp\n"
        "  call *%rsi\n"
        "  mov %rbp, %rsp\n"
        "  pop %rbp\n"
        "  .cfi_def_cfa %rsp, 8\n"
        "  ret\n"
        "  .cfi_endproc\n"
        ".size stack_switch, . - stack_switch\n"
        ".popsection\n");

#else

static void
stack_switch(struct vat *vat, void (*body)(struct vat *vat), void *top)
{
    (void)top;
    body(vat);
}

#endif

#if defined(__SANITIZE_ADDRESS__)

/* The sanitizer must know on which stack the process is. */
void __sanitizer_start_switch_fiber(void **save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *save, const void **bottom, size_t *size);

static struct {
    void (*body)(struct vat *vat);
    const void *bottom; /* of the stack that called */
    size_t size;
} calling;

static void
arrive(struct vat *vat)
{
    __sanitizer_finish_switch_fiber(NULL, &calling.bottom, &calling.size);
    calling.body(vat);
}

static void
enter(struct vat *vat, void (*body)(struct vat *vat))
{
    calling.body = body;
    __sanitizer_start_switch_fiber(NULL, stack, STACK_SIZE);
    stack_switch(vat, arrive, stack + STACK_SIZE);
}

static void
leave(void)
{
    __sanitizer_start_switch_fiber(NULL, calling.bottom, calling.size);
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
}

#else

static void
enter(struct vat *vat, void (*body)(struct vat *vat))
{
    stack_switch(vat, body, stack + STACK_SIZE);
}

static void
leave(void)
{
}

#endif

/* Where the fixed address is taken, any other does: the bytes of heaps then differ in places that
 * nothing reads. */
static uint8_t *
make_stack(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK;
    void *range = mmap((void *)STACK_ADDRESS, STACK_SIZE, PROT_READ | PROT_WRITE,
        flags | MAP_FIXED_NOREPLACE, -1, 0);
    if (range == MAP_FAILED)
        range = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (range == MAP_FAILED)
        return NULL;
    mprotect(range, GUARD_SIZE, PROT_NONE);
    return range;
}

bool
stack_open(void)
{
    if (stack == NULL)
        stack = make_stack();
    return stack != NULL;
}

void
stack_release(void)
{
    assert(!in_use);
    if (stack != NULL)
        madvise(stack + GUARD_SIZE, STACK_SIZE - GUARD_SIZE, MADV_DONTNEED);
}

void
stack_left(void)
{
    in_use = false;
    leave();
}

void
stack_run(struct vat *vat, void (*body)(struct vat *vat))
{
    assert(stack != NULL && !in_use);
    in_use = true;
    enter(vat, body);
    stack_left();
}
