#include "kernel/face/listing.h"

#include "state/state.h"

#include <assert.h>

struct query *
kernel_listing(struct kernel *kernel, enum statement statement, int64_t number)
{
    struct state *state = kernel_state(kernel);
    bool one = statement_types(statement)[0] == 'i';
    assert(one || number == 0);
    state_flush(state);
    return one ? db_query(state_db(state), statement, number)
               : db_query(state_db(state), statement);
}
