/* The module moonvat.scarce: memory that runs out when told to.
 *
 * Four kinds of it are counted apart: what SQLite takes ("sqlite"), what core.so and vat.so take
 * from libc ("host"), what the Lua state of the program takes ("lua"), and the ranges that vat.so
 * maps for vats' heaps ("range"). SQLite must have no open database when the module is loaded.
 *
 *   scarce.plan("host", n, times)   the nth taking from now on fails, and the following, so many
 *                                   times (1); 0: none does
 *   scarce.count()                         how many there were since
 *   scarce.failed()                        how many of them failed
 *   scarce.fork(f)     calls f in a child process; returns its exit status, or minus the signal that
 *                      ended it, what it wrote to standard error, and the numbers last said
 *   scarce.say(a, b)   in the child: takes no memory
 *   scarce.as_nobody(f, ...)   calls f as a user with no rights, when this one is root
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <sqlite3.h>

int luaopen_moonvat_scarce(lua_State *L);

enum kind { KIND_SQLITE, KIND_HOST, KIND_LUA, KIND_RANGE };
static const char *const kind_names[] = {"sqlite", "host", "lua", "range", NULL};
enum { PAGE = 4096, NOBODY = 65534 };

static struct {
    enum kind kind;
    lua_Integer at, times, count, failed;
} plan;

static bool
runs_out(enum kind kind)
{
    if (plan.kind != kind)
        return false;
    plan.count++;
    bool fails = plan.at > 0 && plan.count >= plan.at && plan.count - plan.at < plan.times;
    plan.failed += fails;
    return fails;
}

/* SQLite */

static sqlite3_mem_methods sqlite_real;

static void *
sqlite_malloc(int size)
{
    return runs_out(KIND_SQLITE) ? NULL : sqlite_real.xMalloc(size);
}

static void *
sqlite_realloc(void *memory, int size)
{
    return runs_out(KIND_SQLITE) ? NULL : sqlite_real.xRealloc(memory, size);
}

static bool
hook_sqlite(void)
{
    sqlite3_shutdown();
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_real) != SQLITE_OK)
        return false;
    sqlite3_mem_methods methods = sqlite_real;
    methods.xMalloc = sqlite_malloc;
    methods.xRealloc = sqlite_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK &&
           sqlite3_initialize() == SQLITE_OK;
}

/* The calls that core.so and vat.so make of libc, through the tables that the linker made */

static void *
host_malloc(size_t size)
{
    return runs_out(KIND_HOST) ? NULL : malloc(size);
}

static void *
host_calloc(size_t count, size_t size)
{
    return runs_out(KIND_HOST) ? NULL : calloc(count, size);
}

static void *
host_realloc(void *memory, size_t size)
{
    return runs_out(KIND_HOST) ? NULL : realloc(memory, size);
}

static void *
host_mmap(void *at, size_t size, int protection, int flags, int file, off_t offset)
{
    if (runs_out(KIND_RANGE)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return mmap(at, size, protection, flags, file, offset);
}

static const struct {
    const char *name;
    uintptr_t hook;
} hooks[] = {
    {"malloc", (uintptr_t)host_malloc},
    {"calloc", (uintptr_t)host_calloc},
    {"realloc", (uintptr_t)host_realloc},
    {"mmap", (uintptr_t)host_mmap},
};

struct dynamic {
    const Elf64_Sym *symbols;
    const char *names;
    const Elf64_Rela *plt, *other;
    size_t plt_count, other_count;
};

static struct dynamic
read_dynamic(const Elf64_Dyn *entry)
{
    struct dynamic dynamic = {0};
    for (; entry->d_tag != DT_NULL; entry++) {
        const void *at = (const void *)entry->d_un.d_ptr;
        if (entry->d_tag == DT_SYMTAB)
            dynamic.symbols = at;
        else if (entry->d_tag == DT_STRTAB)
            dynamic.names = at;
        else if (entry->d_tag == DT_JMPREL)
            dynamic.plt = at;
        else if (entry->d_tag == DT_PLTRELSZ)
            dynamic.plt_count = entry->d_un.d_val / sizeof(Elf64_Rela);
        else if (entry->d_tag == DT_RELA)
            dynamic.other = at;
        else if (entry->d_tag == DT_RELASZ)
            dynamic.other_count = entry->d_un.d_val / sizeof(Elf64_Rela);
    }
    return dynamic;
}

static int
hook_relocations(
    const struct dynamic *dynamic, uintptr_t base, const Elf64_Rela *list, size_t count)
{
    int hooked = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned long type = ELF64_R_TYPE(list[i].r_info);
        if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT)
            continue;
        const char *name = dynamic->names + dynamic->symbols[ELF64_R_SYM(list[i].r_info)].st_name;
        for (size_t h = 0; h < sizeof hooks / sizeof *hooks; h++) {
            if (strcmp(name, hooks[h].name) != 0)
                continue;
            uintptr_t slot = base + list[i].r_offset;
            mprotect((void *)(slot / PAGE * PAGE), PAGE, PROT_READ | PROT_WRITE);
            memcpy((void *)slot, &hooks[h].hook, sizeof hooks[h].hook);
            hooked++;
        }
    }
    return hooked;
}

static int
hook_object(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    const char *file = strrchr(info->dlpi_name, '/');
    if (file == NULL || (strcmp(file, "/core.so") != 0 && strcmp(file, "/vat.so") != 0))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        uintptr_t at = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        struct dynamic dynamic = read_dynamic((const Elf64_Dyn *)at);
        *(int *)context +=
            hook_relocations(&dynamic, info->dlpi_addr, dynamic.plt, dynamic.plt_count);
        *(int *)context +=
            hook_relocations(&dynamic, info->dlpi_addr, dynamic.other, dynamic.other_count);
    }
    return 0;
}

/* The program's Lua */

static lua_Alloc lua_real;
static void *lua_context;

static void *
lua_scarce(void *context, void *block, size_t old_size, size_t new_size)
{
    (void)context;
    bool grows = new_size > 0 && (block == NULL || new_size > old_size);
    if (grows && runs_out(KIND_LUA))
        return NULL;
    return lua_real(lua_context, block, old_size, new_size);
}

/* Children */

static struct {
    int out;
    lua_Integer said[2];
} child = {.out = -1};

/* Numbers go among the text as lines of their own that begin with a NUL. */
static int
l_say(lua_State *L)
{
    lua_Integer said[2] = {luaL_checkinteger(L, 1), luaL_checkinteger(L, 2)};
    char line[1 + sizeof said] = {0};
    memcpy(line + 1, said, sizeof said);
    if (write(child.out, line, sizeof line) != (ssize_t)sizeof line)
        return luaL_error(L, "only a child says something");
    return 0;
}

static void
read_all(lua_State *L, int file)
{
    luaL_Buffer text;
    char piece[4096];
    ssize_t size;
    luaL_buffinit(L, &text);
    while ((size = read(file, piece, sizeof piece)) > 0)
        luaL_addlstring(&text, piece, (size_t)size);
    luaL_pushresult(&text);
}

/* Takes what was said out of the text on top of the stack. */
static void
take_said(lua_State *L)
{
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    luaL_Buffer rest;
    luaL_buffinit(L, &rest);
    for (size_t i = 0; i < size;) {
        if (text[i] == 0 && size - i > sizeof child.said) {
            memcpy(child.said, text + i + 1, sizeof child.said);
            i += 1 + sizeof child.said;
        } else {
            luaL_addchar(&rest, text[i++]);
        }
    }
    luaL_pushresult(&rest);
    lua_remove(L, -2);
}

static void
run_child(lua_State *L, int out)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    child.out = out;
    dup2(out, STDERR_FILENO);
    lua_pushvalue(L, 1);
    int status = lua_pcall(L, 0, 0, 0) == LUA_OK ? 0 : 1;
    if (status != 0) {
        const char *reason = lua_tostring(L, -1);
        ssize_t size = write(out, reason, reason == NULL ? 0 : strlen(reason));
        status += size < 0;
    }
    /* what its parent held is no leak of the child's: valgrind does not look into a new program */
    execl("/bin/sh", "sh", "-c", status == 0 ? "exit 0" : "exit 1", (char *)NULL);
    _exit(status);
}

static int
l_fork(lua_State *L)
{
    int ends[2];
    luaL_checktype(L, 1, LUA_TFUNCTION);
    fflush(NULL);
    if (pipe(ends) != 0)
        return luaL_error(L, "no pipe");
    pid_t process = fork();
    if (process == 0) {
        close(ends[0]);
        run_child(L, ends[1]);
    }
    close(ends[1]);
    read_all(L, ends[0]);
    close(ends[0]);
    int status = 0;
    if (process < 0 || waitpid(process, &status, 0) < 0)
        return luaL_error(L, "no child");
    child.said[0] = child.said[1] = -1;
    take_said(L);
    lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    lua_insert(L, -2);
    lua_pushinteger(L, child.said[0]);
    lua_pushinteger(L, child.said[1]);
    return 4;
}

static int
l_as_nobody(lua_State *L)
{
    bool is_root = geteuid() == 0;
    if (is_root && seteuid(NOBODY) != 0)
        return luaL_error(L, "root cannot become nobody");
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    if (is_root && seteuid(0) != 0)
        abort();
    return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

static int
l_plan(lua_State *L)
{
    plan.kind = (enum kind)luaL_checkoption(L, 1, NULL, kind_names);
    plan.at = luaL_checkinteger(L, 2);
    plan.times = luaL_optinteger(L, 3, 1);
    plan.count = plan.failed = 0;
    return 0;
}

static int
l_count(lua_State *L)
{
    lua_pushinteger(L, plan.count);
    return 1;
}

static int
l_failed(lua_State *L)
{
    lua_pushinteger(L, plan.failed);
    return 1;
}

static const luaL_Reg functions[] = {
    {"plan", l_plan},
    {"count", l_count},
    {"failed", l_failed},
    {"fork", l_fork},
    {"say", l_say},
    {"as_nobody", l_as_nobody},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int
luaopen_moonvat_scarce(lua_State *L)
{
    int hooked = 0;
    if (!hook_sqlite())
        return luaL_error(L, "SQLite does not take another allocator");
    dl_iterate_phdr(hook_object, &hooked);
    if (hooked < 5)
        return luaL_error(L, "load moonvat first: only %d calls were found", hooked);
    Dl_info self; /* it stays loaded: Lua frees its last memory after its modules */
    if (dladdr(&plan, &self) == 0 || dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE) == NULL)
        return luaL_error(L, "the module cannot stay loaded");
    lua_real = lua_getallocf(L, &lua_context);
    lua_setallocf(L, lua_scarce, NULL);
    luaL_newlib(L, functions);
    return 1;
}
