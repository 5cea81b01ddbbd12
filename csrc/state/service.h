/* The host's services by name, each an object of the host. */
#ifndef STATE_SERVICE_H
#define STATE_SERVICE_H

#include "state/state.h"

/* The host's object for a service; 0: there is none. */
uint64_t service_object(struct state *state, const char *name);
void service_store(struct state *state, const char *name, uint64_t object);

#endif
