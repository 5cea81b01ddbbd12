/* Clusters: vats that were launched together. */
#ifndef STATE_CLUSTER_H
#define STATE_CLUSTER_H

#include "base/numbers.h"
#include "state/state.h"

/* A cluster's row; outside of a crank. */
void cluster_store(struct state *state, uint64_t id, const char *bootstrap);
bool cluster_delete(struct state *state, uint64_t id); /* false: there is none */
/* Adds its living vats, ascending. */
void cluster_vats(struct state *state, uint64_t id, struct number_list *ids);

#endif
