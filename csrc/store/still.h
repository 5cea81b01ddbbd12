/* A database in a place where this process can neither lock it nor make the files that SQLite
 * shares between readers and a writer: it can be read while it is still. It was closed well when
 * nothing is beside it, and nobody has written to it while that and its times stay as they are. */
#ifndef STORE_STILL_H
#define STORE_STILL_H

#include <stdbool.h>
#include <sys/stat.h>

struct still {
    char *database; /* NULL: nothing is watched */
    struct stat before;
};

/* From now on it must stay as it is. False when something is beside it: a lock or a log. */
bool still_begin(struct still *still, const char *database);
bool still_holds(const struct still *still); /* true when nothing is watched */
void still_end(struct still *still);
/* The name by which SQLite opens it without locks; the caller frees. */
char *still_name(const struct still *still);

#endif
