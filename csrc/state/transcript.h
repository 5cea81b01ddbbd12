/* Transcripts: a vat's deliveries with the syscalls that they made, for replay. One row for each
 * vat and block; it also keeps the durable tables' values from before the block. */
#ifndef STATE_TRANSCRIPT_H
#define STATE_TRANSCRIPT_H

#include "base/message.h"
#include "state/state.h"

struct transcript_entry {
    struct bytes delivery;
    struct bytes syscalls;
    uint64_t changes; /* hash of the durable tables' changes */
};

/* Notes a delivery of this crank: it stands when the crank is kept. The bytes are copied. */
void transcript_append(struct state *state, uint64_t vat, const struct transcript_entry *entry);
/* Called for a delivery of the past, which is borrowed for the call; false stops. */
typedef bool replay_each(void *context, int64_t position, const struct transcript_entry *entry);

enum replay_end { REPLAY_DONE, REPLAY_STOPPED, REPLAY_DAMAGED };
/* Calls each for every delivery of the vat's incarnation from this position on, in order. A row
   must begin there, or the position is 0: from the beginning. */
enum replay_end transcript_replay(struct state *state, uint64_t vat, int64_t incarnation,
    int64_t from, replay_each *each, void *context);
/* Calls each for every durable key that these deliveries have changed, with the value from before,
   newest first: applied in this order to today's rows they give the rows as they were at the
   position. False when a row is damaged. */
bool transcript_walk_back(struct state *state, uint64_t vat, int64_t incarnation, int64_t from,
    void (*each)(void *context, const struct change *change), void *context);
/* Deletes the vat's deliveries before this position, of earlier incarnations too; how many. Rows
   that go on beyond it stay. Outside of a crank. */
int64_t transcript_prune(struct state *state, uint64_t vat, int64_t position);
/* Deletes so many rows at the most; how many. */
size_t transcript_delete_some(struct state *state, uint64_t vat, size_t most);
uint64_t transcript_hash(struct bytes changes);

/* For state.c: the crank's entries join the block's; those are written, or dropped. */
void transcript_keep(struct state *state);
void transcript_flush(struct state *state);
void transcript_free(struct state *state);
/* For vatstore.c: an encoded change that says what a key was before the block. */
void transcript_before(struct state *state, uint64_t vat, struct bytes change);

#endif
