/* Starting vats: together, as one crank, all or none. */
#ifndef HOST_LAUNCHING_H
#define HOST_LAUNCHING_H

#include "host/host.h"

struct vat_plan {
    const char *name;
    const struct vat_module *modules;
    size_t module_count;
    struct blob *parameters;
    struct vat_settings settings;
    uint64_t cluster; /* that it joins; 0: none, or the one that is made */
    uint64_t call;    /* of vat_admin that asked for it, and is answered with it; 0: none */
    uint64_t vat;     /* out: its number */
};

/* All start, or none does and *error is set, to be freed by the caller. The caller says
   host_crank_done, when it has added what belongs to it. cluster: NULL for none of its own; else
   where its number goes. bootstrap: the name of the cluster's vat that is told of the others. */
bool host_launch(struct host *host, struct vat_plan *plans, size_t count, uint64_t *cluster,
    const char *bootstrap, char **error);

#endif
