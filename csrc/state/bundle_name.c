#include "state/bundle_name.h"

#include "base/memory.h"
#include "state/internal.h"
#include "store/query.h"

void
bundle_name_set(struct state *state, struct bytes name, struct bytes sha256)
{
    db_begin(state->db);
    db_run(state->db, "INSERT OR REPLACE INTO bundle_name VALUES (?, ?)", "ss", name, sha256);
}

char *
bundle_name_get(struct state *state, struct bytes name)
{
    struct query *query =
        db_query(state->db, "SELECT sha256 FROM bundle_name WHERE name = ?", "s", name);
    char *sha256 = query_next(query) ? (char *)memory_copy(query_bytes(query, 0)) : NULL;
    query_end(query);
    return sha256;
}
