/* Names that stand for bundles, by which hosts and vats ask for them. */
#ifndef STATE_BUNDLE_NAME_H
#define STATE_BUNDLE_NAME_H

#include "state/state.h"

/* From now on the name stands for this bundle. */
void bundle_name_set(struct state *state, struct bytes name, struct bytes sha256);
/* The bundle's hash, to be freed by the caller; NULL: nothing has this name. */
char *bundle_name_get(struct state *state, struct bytes name);

#endif
