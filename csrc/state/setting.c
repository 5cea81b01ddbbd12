#include "state/setting.h"

#include "base/memory.h"
#include "state/internal.h"
#include "store/query.h"

char *
setting_get(struct state *state, const char *name)
{
    struct query *query = db_query(state->db, STATEMENT_SETTING, name);
    char *value = query_next(query) ? (char *)memory_copy(query_bytes(query, 0)) : NULL;
    query_end(query);
    return value;
}

void
setting_set(struct state *state, const char *name, const char *value)
{
    db_begin(state->db);
    if (value == NULL)
        db_run(state->db, STATEMENT_SETTING_ERASE, name);
    else
        db_run(state->db, STATEMENT_SETTING_SET, name, value);
}

void
setting_each(struct state *state, const char *prefix,
    void (*each)(void *context, struct bytes name, struct bytes value), void *context)
{
    struct query *query = db_query(state->db, STATEMENT_SETTINGS_FROM, prefix);
    while (query_next(query))
        each(context, query_bytes(query, 0), query_bytes(query, 1));
    query_end(query);
}
