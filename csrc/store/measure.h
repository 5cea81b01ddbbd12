/* How fast the store alone is: a bound for what a kernel on top of it can do. */
#ifndef STORE_MEASURE_H
#define STORE_MEASURE_H

/* Seconds that n commits of one small upsert each take in a file of their own at path, which is
   removed again: what SQLite alone can do here. Negative when it cannot. */
double measure_commits(const char *path, int n);

#endif
