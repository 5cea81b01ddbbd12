#include "state/cluster.h"

#include "base/memory.h"
#include "state/internal.h"
#include "store/query.h"

void
cluster_store(struct state *state, uint64_t id, const char *bootstrap)
{
    db_begin(state->db);
    db_run(state->db, STATEMENT_CLUSTER_ADD, (int64_t)id, bootstrap);
}

uint64_t *
cluster_vats(struct state *state, uint64_t id, size_t *count)
{
    state_flush(state);
    uint64_t *ids = NULL;
    *count = 0;
    struct query *query = db_query(state->db, STATEMENT_CLUSTER_VATS, (int64_t)id);
    while (query_next(query)) {
        ids = memory_resize(ids, (*count + 1) * sizeof *ids);
        ids[(*count)++] = (uint64_t)query_integer(query, 0);
    }
    query_end(query);
    return ids;
}

bool
cluster_delete(struct state *state, uint64_t id)
{
    db_begin(state->db);
    db_run(state->db, STATEMENT_CLUSTER_ERASE, (int64_t)id);
    return db_changes(state->db) > 0;
}
