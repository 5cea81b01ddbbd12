/* What the private Lua takes from libc that must not be the real thing: standard streams, which
 * it must not write to, and clocks, from which it would draw chance. */
#include <stdio.h>
#include <time.h>

FILE *vl_stdin; /* NULL: no function that reads or writes is in the sandbox */
FILE *vl_stdout;
FILE *vl_stderr;

time_t vl_time(time_t *now);
clock_t vl_clock(void);

time_t
vl_time(time_t *now)
{
    if (now != NULL)
        *now = 0;
    return 0;
}

clock_t
vl_clock(void)
{
    return 0;
}
