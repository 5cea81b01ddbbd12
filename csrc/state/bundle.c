#include "state/bundle.h"

#include "base/memory.h"
#include "state/internal.h"
#include "store/query.h"

void
bundle_store(struct state *state, struct bytes sha256, struct bytes name, size_t modules,
    struct bytes source)
{
    db_begin(state->db);
    db_run(state->db, STATEMENT_BUNDLE_ADD, sha256, name, (int64_t)modules, source);
}

uint8_t *
bundle_source(struct state *state, struct bytes sha256, size_t *size)
{
    struct query *query = db_query(state->db, STATEMENT_BUNDLE_SOURCE, sha256);
    uint8_t *source = NULL;
    if (query_next(query)) {
        *size = query_bytes(query, 0).size;
        source = memory_copy(query_bytes(query, 0));
    }
    query_end(query);
    return source;
}

void
bundle_sweep(struct state *state)
{
    state_flush(state);
    db_begin(state->db);
    db_run(state->db, STATEMENT_BUNDLE_SWEEP);
}
