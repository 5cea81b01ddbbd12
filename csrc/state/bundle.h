/* Bundles by hash: a list of modules, main chunk first, each a name and a source (buf_bytes). */
#ifndef STATE_BUNDLE_H
#define STATE_BUNDLE_H

#include "state/state.h"

/* Nothing when it is there already. */
void bundle_store(struct state *state, struct bytes sha256, struct bytes name, size_t modules,
    struct bytes source);
/* The caller frees; NULL: there is none. */
uint8_t *bundle_source(struct state *state, struct bytes sha256, size_t *size);
/* Drops bundles that no living vat, no name and no queued upgrade needs. Outside of a crank. */
void bundle_sweep(struct state *state);

#endif
