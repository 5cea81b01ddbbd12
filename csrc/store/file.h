/* The database files that this process has open, each once, by device and inode, whatever its
 * names.
 *
 * Linux drops every lock that SQLite has on a file when the process closes any descriptor of that
 * file; another program then takes the log of a running kernel for one that nobody needs. So:
 * 1. Whether a file is open here is asked by stat, never by opening it.
 * 2. A file that is open here has at most one descriptor of ours, which is closed when the
 *    process's last connection to the file has ended.
 *
 * The writer's lock (flock) is on the database itself: it holds under each of its names, and there
 * is nothing beside the file whose removal lets a second writer in. Kernels of several threads use
 * this at once. */
#ifndef STORE_FILE_H
#define STORE_FILE_H

#include "base/buf.h"

struct file;

enum file_use { FILE_READ, FILE_WRITE };

/* For one connection more, to end with file_drop behind that connection; name is the path's real
   name. To write, the file is made when there is none, and locked. NULL with the reason in *why:
   another kernel writes to it, it is open here under another name, or it is no plain file. What
   else is wrong with it is for SQLite to say. *refused: the first of these it was. */
struct file *file_take(
    const char *path, const char *name, enum file_use use, bool *refused, struct buf *why);
/* To be called when the connection is closed. unused: a file that was made for it, and is still
   empty, goes again. NULL is legal. */
void file_drop(struct file *file, enum file_use use, bool unused);
const char *file_name(const struct file *file); /* its real name; borrowed */
/* Whether it has more than one name: then its log and its note may lie beside another. */
bool file_has_names(const struct file *file);
/* What would help against this error of the system where a file was to be made; borrowed. */
const char *file_advice(int error);
/* Whether both paths lead to one file that is there. */
bool file_is_same(const char *path, const char *other);

#endif
