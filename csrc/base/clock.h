/* The time, in seconds. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

double clock_since_start(void); /* of the machine: never goes back */
double clock_since_1970(void);  /* as the system has been told */

#endif
