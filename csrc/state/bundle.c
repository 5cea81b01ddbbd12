#include "state/bundle.h"

#include "base/memory.h"
#include "state/internal.h"
#include "store/query.h"

void
bundle_store(struct state *state, struct bytes sha256, struct bytes name, size_t modules,
    struct bytes source)
{
    db_begin(state->db);
    db_run(state->db, "INSERT OR IGNORE INTO bundle VALUES (?, ?, ?, ?)", "ssib", sha256, name,
        (int64_t)modules, source);
}

uint8_t *
bundle_source(struct state *state, struct bytes sha256, size_t *size)
{
    struct query *query =
        db_query(state->db, "SELECT source FROM bundle WHERE sha256 = ?", "s", sha256);
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
    db_run(state->db,
        "DELETE FROM bundle WHERE NOT EXISTS (SELECT 1 FROM vat WHERE vat.bundle = sha256 AND"
        " state <> 'terminated') AND sha256 NOT IN (SELECT sha256 FROM bundle_name) AND sha256 NOT"
        " IN (SELECT method FROM queue WHERE kind = 'upgrade')",
        "");
}
