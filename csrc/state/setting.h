/* Small durable texts by name. */
#ifndef STATE_SETTING_H
#define STATE_SETTING_H

#include "state/state.h"

/* NULL when not set. The caller frees. */
char *setting_get(struct state *state, const char *name);
void setting_set(struct state *state, const char *name, const char *value); /* NULL: none */
/* Calls each for every setting whose name starts with the prefix, sorted by name. */
void setting_each(struct state *state, const char *prefix,
    void (*each)(void *context, struct bytes name, struct bytes value), void *context);

#endif
