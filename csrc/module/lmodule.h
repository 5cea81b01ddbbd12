/* What the files of the Lua module share: the userdata that a host program holds. */
#ifndef MODULE_LMODULE_H
#define MODULE_LMODULE_H

#include <lauxlib.h>
#include <lua.h>

#include "host/host.h"

#define KERNEL_TYPE "moonvat.kernel"
#define REF_TYPE "moonvat.ref"
#define HANDLE_TYPE "moonvat.handle"

struct lkernel {
    struct host *host; /* NULL once it is closed */
    char *path;
    bool readonly;
    bool clocked; /* a function of its program says what time it is */
    bool timers;  /* some wait: steps look for those that are due */
    int steps;    /* since they were looked for */
};

/* A reference that the host holds: an object, or the promise of a handle. Its user value is the
   kernel's userdata. */
struct lref {
    struct lkernel *owner;
    struct kref kref;
    bool released;
};

/* lerror.c: errors as data, { code, message }. "What happened" is the code's business alone. */
enum lerror {
    LERROR_MISUSE,       /* of a method: wrong arguments */
    LERROR_CLOSED,       /* the kernel */
    LERROR_READONLY,     /* so is the kernel open, and this changes something */
    LERROR_STOPPED,      /* the kernel, for good: a critical vat ended, or the store failed */
    LERROR_STORE,        /* it failed: what was read may be less than there is */
    LERROR_UNOPENED,     /* the database cannot be opened */
    LERROR_IN_USE,       /* nor now: another process has it */
    LERROR_UNSAVED,      /* the kernel is closed, without its last block */
    LERROR_UNLAUNCHED,   /* a vat did not start */
    LERROR_NO_VAT,       /* of this name or id; or it has ended */
    LERROR_NO_REFERENCE, /* of this kref */
    LERROR_NO_CLUSTER,
    LERROR_NO_BUNDLE,
    LERROR_NO_NAME, /* what was given can be none */
    LERROR_STATE,   /* not possible with what was named, as it is now */
    LERROR_VALUE,   /* cannot be passed, or read */
};
/* The face of the running function: its upvalue, a function of error and place that makes what is
   raised; nil in core.methods, whose errors are raised as they are. */
#define FACE lua_upvalueindex(1)
/* Raises; the format is that of lua_pushfstring. */
int lerror_raise(lua_State *L, enum lerror code, const char *format, ...);
/* Raises once more what was caught, on top of the stack: data with this function's face, what else
   was raised as it is. */
int lerror_again(lua_State *L);
int lerror_again_as(lua_State *L, enum lerror code); /* the same; a text becomes data */
void lerror_open(lua_State *L);                      /* before anything is raised */

/* The open kernel at this index, or an error that says what it is instead. */
struct lkernel *lkernel_check(lua_State *L, int index);
/* The same, and it can be changed. */
struct lkernel *lkernel_check_writable(lua_State *L, int index);
/* Raises when the kernel has stopped for good. */
void lkernel_check_running(lua_State *L, struct lkernel *kernel);
/* Raises when the store has failed: what was read before may be less than there is. */
void lkernel_check_store(lua_State *L, struct lkernel *kernel);
/* Raises when a function of the program, which was called, has closed the kernel. */
void lkernel_check_open(lua_State *L, const struct lkernel *kernel, const char *who);
/* Asks the program's clock, when it has one; the kernel is at this index. */
void lkernel_read_clock(lua_State *L, int index, struct lkernel *kernel);
/* Pushes a text, and frees it; the same as a string that lives as long as it stands there. */
const char *lkernel_push_text(lua_State *L, struct buf *text);
/* Tells the log function what was logged since the last time. The kernel is at this index; it may
   be changed by then, but not closed. */
void lkernel_tell_log(lua_State *L, int index);

/* lref.c */
/* Makes the types of references and handles, or makes them anew; the face of their methods is on
   top of the stack, and is popped. */
void lref_open(lua_State *L);
/* Pushes a reference or handle that holds kref; the kernel is at this index. already_held: the
   caller's hold passes over to it. */
void lref_push(lua_State *L, int kernel, struct kref kref, bool already_held);
/* The reference or handle at this index; NULL when something else is there. */
struct lref *lref_test(lua_State *L, int index);

/* lname.c */
/* What stands at `at` on the stack, for the kernel at index. Each raises when there is no such
   thing. A target is a reference, handle, kref text, or a vat's name or id, which is its root. */
struct kref lname_target(lua_State *L, int index, int at);
struct kref lname_kref(lua_State *L, int index, int at);    /* a reference, handle or kref text */
struct kref lname_promise(lua_State *L, int index, int at); /* the same, of a promise */
/* The string that stands there as a name or id; raises when it has a zero byte. */
const char *lname_text(lua_State *L, int at);
/* "v3" after 'v' as 3; 0 when the text is nothing such. */
uint64_t lname_number_after(char letter, const char *text);
uint64_t lname_vat(lua_State *L, int index, int at); /* the number, from a name or id */

/* lvalue.c */
/* Pops so many values and returns them as a new blob; raises what cannot be passed. */
struct blob *lvalue_encode(lua_State *L, int kernel, int count, const char *root);
/* Pushes the values of a body; returns how many. */
int lvalue_push(lua_State *L, int kernel, struct blob *value);
/* The same for a durable value of a vat, whose slots are its vrefs. */
int lvalue_push_durable(
    lua_State *L, int kernel, uint64_t vat, struct bytes body, struct bytes slots);

/* loptions.c */
/* A vat's options from the table on top of the stack; raises what is wrong there. */
struct vat_settings loptions_read(lua_State *L);
void loptions_push(lua_State *L); /* all that there are, as data: see core.d.lua */

/* lfields.c */
enum lfield_type {
    LFIELD_INTEGER, /* of 64 bits, signed or not; a size_t */
    LFIELD_FLAG,    /* a bool */
    LFIELD_TEXT,    /* a C string; NULL is none */
    LFIELD_BYTES,   /* a struct bytes */
    LFIELD_BLOB,    /* a struct blob *, its body */
    LFIELD_KREF,    /* a struct kref, as text */
    LFIELD_VAT,     /* a vat's number, as its id; 0 is none */
};
/* A field of a struct, and its name in a table; a list ends with one without a name. */
struct lfield {
    const char *name;
    enum lfield_type type;
    size_t offset;
};
/* Pushes a table with these fields of a struct. */
void lfields_push(lua_State *L, const void *from, const struct lfield *fields);

/* lsettings.c */
struct lsettings_rule {
    const char *method;  /* for errors */
    const char *example; /* of a right table */
    const char *const *names;
};
/* Raises unless nothing stands at index, or a table with no other names than these. */
void lsettings_check(lua_State *L, int index, struct lsettings_rule rule);
/* A setting that is true, or false when it is not there; raises when it is neither. */
bool lsettings_flag(lua_State *L, int index, const char *method, const char *name);

/* lkernel.c: makes the type of kernels, or makes it anew; below their face, which is on top of the
   stack and is popped, are their methods. */
void lkernel_open(lua_State *L);

/* llist.c: adds the listings to the table below the face, which is on top of the stack and is
   popped. */
void llist_open(lua_State *L);

/* Methods of the kernel, whose upvalue is the face; and functions of the module. */
extern const luaL_Reg lkernel_methods[], lrun_methods[], lref_methods[], llist_methods[],
    llaunch_methods[], llife_methods[], lservice_methods[], ltimer_methods[];
extern const luaL_Reg lkernel_functions[], lservice_functions[], ltimer_functions[];

/* lservice.c: shows the next call of the host's objects to who answers them; false: none. */
bool lservice_serve(lua_State *L, struct lkernel *kernel);
/* ltimer.c: fires the timers that are due; false: there were none. */
bool ltimer_fire(lua_State *L, struct lkernel *kernel);
/* llaunch.c: a list of { name, source }; it borrows from the list, and stays on the stack. */
const struct vat_module *llaunch_modules(lua_State *L, int index, size_t *count);
struct blob *llaunch_parameters(lua_State *L, int index);

#endif
