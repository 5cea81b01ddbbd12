/* Jobs: what is still to be done in the open delivery, first come, first done. Each is a reaction
 * and the promise that it is about. When no job is left, the delivery is over. */
#ifndef VAT_LIVE_JOB_H
#define VAT_LIVE_JOB_H

#include "vat/machine/lua.h"

void job_push(lua_State *L, int reaction, int promise); /* promise 0: none */
void job_run_all(lua_State *L);

#endif
