#include "base/clock.h"

#include <time.h>

static double
seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double
clock_since_start(void)
{
    return seconds(CLOCK_MONOTONIC);
}

double
clock_since_1970(void)
{
    return seconds(CLOCK_REALTIME);
}
