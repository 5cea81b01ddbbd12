/* The whole state of a kernel: its tables, the journal that makes a crank atomic, and the file.
 *
 *   state_begin ... state_keep or state_undo      one crank, in memory
 *   state_commit                                  one block of cranks, on disk
 *
 * Nothing is loaded before it is asked for. A store failure is sticky: from then on reads find
 * nothing, and state_commit fails; see state_error. */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include "base/ref.h"
#include "store/db.h"

struct state;

struct state *state_open(const char *path, enum db_mode mode, char **error);
void state_close(struct state *state); /* drops what was not committed; NULL is legal */
struct db *state_db(struct state *state);
const char *state_error(const struct state *state);

void state_begin(struct state *state);
void state_keep(struct state *state);
void state_undo(struct state *state);
bool state_in_crank(const struct state *state);

/* Writes what changed into the open transaction, so that SQL sees it; but what a crank does to
   durable tables and transcripts not before it is kept. */
void state_flush(struct state *state);
/* Flushes and commits; false when the store failed. Not within a crank. */
bool state_commit(struct state *state);
/* Gives back memory that a larger state before has needed. */
void state_trim(struct state *state);
/* Bytes that it holds, but for values of rows and the open block's transcripts. */
uint64_t state_memory(const struct state *state);
/* Whether anything, flushed or not, waits for a commit. */
bool state_is_dirty(const struct state *state);

#endif
