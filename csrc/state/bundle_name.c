#include "state/bundle_name.h"

#include "base/memory.h"
#include "state/internal.h"
#include "store/query.h"

void
bundle_name_set(struct state *state, struct bytes name, struct bytes sha256)
{
    db_begin(state->db);
    db_run(state->db, STATEMENT_BUNDLE_NAME_SET, name, sha256);
}

char *
bundle_name_get(struct state *state, struct bytes name)
{
    struct query *query = db_query(state->db, STATEMENT_BUNDLE_NAMED, name);
    char *sha256 = query_next(query) ? (char *)memory_copy(query_bytes(query, 0)) : NULL;
    query_end(query);
    return sha256;
}
