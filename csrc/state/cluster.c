#include "state/cluster.h"

#include "state/internal.h"
#include "store/query.h"

void
cluster_store(struct state *state, uint64_t id, const char *bootstrap)
{
    db_begin(state->db);
    db_run(state->db, STATEMENT_CLUSTER_ADD, (int64_t)id, bootstrap);
}

void
cluster_vats(struct state *state, uint64_t id, struct number_list *ids)
{
    state_flush(state);
    query_numbers(db_query(state->db, STATEMENT_CLUSTER_VATS, (int64_t)id), SIZE_MAX, ids);
}

bool
cluster_delete(struct state *state, uint64_t id)
{
    db_begin(state->db);
    db_run(state->db, STATEMENT_CLUSTER_ERASE, (int64_t)id);
    return db_changes(state->db) > 0;
}
