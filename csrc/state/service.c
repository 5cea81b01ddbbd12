#include "state/service.h"

#include "state/counter.h"
#include "state/internal.h"
#include "store/query.h"

uint64_t
service_object(struct state *state, const char *name)
{
    struct query *query = db_query(state->db, STATEMENT_SERVICE, name);
    uint64_t object = query_next(query) ? (uint64_t)query_integer(query, 0) : 0;
    query_end(query);
    if (object > counter_last(state, COUNTER_OBJECT)) {
        db_damaged(state->db, "service", (int64_t)object);
        return 0;
    }
    return object;
}

void
service_store(struct state *state, const char *name, uint64_t object)
{
    db_begin(state->db);
    db_run(state->db, STATEMENT_SERVICE_ADD, name, (int64_t)object);
}
