/* The Lua module moonvat.process: a child process whose output is read while it runs, and that is
 * killed at a chosen moment, for the specs that crash. */
#include <lauxlib.h>
#include <lua.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESS_TYPE "moonvat.process"
#define ARGUMENTS_MAX 32

struct process {
    pid_t pid; /* 0: it was waited for */
    int output;
};

static struct process *
check_process(lua_State *L)
{
    struct process *process = luaL_checkudata(L, 1, PROCESS_TYPE);
    luaL_argcheck(L, process->pid != 0, 1, "the process has ended");
    return process;
}

/* In the child: never returns. It ends with its parent, whatever happens to that. */
static void
become(char *const *arguments, int output, pid_t parent)
{
    int input = open("/dev/null", O_RDONLY);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && input >= 0 && dup2(input, 0) == 0 && dup2(output, 1) == 1 &&
        dup2(output, 2) == 2)
        execvp(arguments[0], arguments);
    _exit(127);
}

/* spawn { "lua5.4", "worker.lua", ... }: what it says on both outputs can be read */
static int
l_spawn(lua_State *L)
{
    char *arguments[ARGUMENTS_MAX + 1] = {0};
    lua_Integer count = luaL_len(L, 1);
    luaL_argcheck(L, count > 0 && count <= ARGUMENTS_MAX, 1, "a list of 1 to 32 words expected");
    for (lua_Integer i = 0; i < count; i++) {
        lua_geti(L, 1, i + 1);
        arguments[i] = (char *)(uintptr_t)luaL_checkstring(L, -1); /* stays on the stack */
    }
    struct process *process = lua_newuserdatauv(L, sizeof *process, 0);
    *process = (struct process){0};
    luaL_setmetatable(L, PROCESS_TYPE);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return luaL_error(L, "pipe: %s", strerror(errno));
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become(arguments, ends[1], parent);
    close(ends[1]);
    process->output = ends[0];
    process->pid = pid;
    return pid > 0 ? 1 : luaL_error(L, "fork: %s", strerror(errno));
}

/* read(seconds): what it wrote; "" when it has closed its output; nil when the time has passed */
static int
l_read(lua_State *L)
{
    struct process *process = check_process(L);
    char data[65536];
    struct pollfd waiting = {.fd = process->output, .events = POLLIN};
    if (poll(&waiting, 1, (int)(luaL_checknumber(L, 2) * 1000)) <= 0) {
        luaL_pushfail(L);
        return 1;
    }
    ssize_t size = read(process->output, data, sizeof data);
    lua_pushlstring(L, data, size > 0 ? (size_t)size : 0);
    return 1;
}

static int
l_kill(lua_State *L)
{
    kill(check_process(L)->pid, SIGKILL);
    return 0;
}

/* wait(): "exit" or "signal", and which. Nothing of it is left afterwards. */
static int
l_wait(lua_State *L)
{
    struct process *process = check_process(L);
    int status = 0;
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(process->output);
    process->pid = 0;
    lua_pushstring(L, WIFSIGNALED(status) ? "signal" : "exit");
    lua_pushinteger(L, WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return 2;
}

static int
l_gc(lua_State *L)
{
    struct process *process = luaL_checkudata(L, 1, PROCESS_TYPE);
    if (process->pid > 0) {
        kill(process->pid, SIGKILL);
        lua_settop(L, 1);
        l_wait(L);
    }
    return 0;
}

static int
l_sleep(lua_State *L)
{
    double seconds = luaL_checknumber(L, 1);
    struct timespec time = {.tv_sec = (time_t)seconds};
    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    nanosleep(&time, NULL);
    return 0;
}

static const luaL_Reg functions[] = {
    {"spawn", l_spawn},
    {"sleep", l_sleep},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"read", l_read},
    {"kill", l_kill},
    {"wait", l_wait},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_moonvat_process(lua_State *L);

int
luaopen_moonvat_process(lua_State *L)
{
    luaL_newmetatable(L, PROCESS_TYPE);
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
