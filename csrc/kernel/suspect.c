/* Objects that may be garbage in a cycle across vats: everything that reaches them is an import of
 * a running vat. Queues, parked messages, promises' values, pins, parameters, host references, and
 * vats that cannot be asked, all keep an object from being a suspect; so do durable vrefs. */
#include "base/memory.h"
#include "kernel/internal.h"

#include <stdlib.h>

static void
add_importer(struct suspects *suspects, struct importer importer)
{
    if (suspects->importer_count == suspects->importer_capacity) {
        size_t room = suspects->importer_capacity == 0 ? 64 : suspects->importer_capacity * 2;
        suspects->importers =
            memory_resize(suspects->importers, room * sizeof *suspects->importers);
        suspects->importer_capacity = room;
    }
    suspects->importers[suspects->importer_count++] = importer;
}

static struct suspect *
add_suspect(struct suspects *suspects, uint64_t id, uint64_t owner, struct vref vref)
{
    if (suspects->count == suspects->capacity) {
        suspects->capacity = suspects->capacity == 0 ? 64 : suspects->capacity * 2;
        suspects->list = memory_resize(suspects->list, suspects->capacity * sizeof *suspects->list);
    }
    struct suspect *suspect = &suspects->list[suspects->count++];
    *suspect = (struct suspect){.kref = kref_object(id), .owner = owner, .vref = vref};
    return suspect;
}

void
kernel_suspects(struct kernel *kernel, size_t most, struct suspects *suspects)
{
    *suspects = (struct suspects){0};
    crank_release(kernel);
    state_flush(kernel->state);
    struct query *query = db_query(state_db(kernel->state),
        "WITH suspect AS (SELECT o.id, o.owner, e.vref FROM object o JOIN vat v ON v.id = o.owner"
        " JOIN clist e ON e.kref = 'ko' || o.id AND e.vat = o.owner WHERE o.reachable > 0"
        " AND v.state = 'running' AND e.reachable AND e.vref GLOB 'o+[1-9]*'"
        " AND o.reachable = (SELECT count(*) FROM clist i JOIN vat w ON w.id = i.vat"
        " WHERE i.kref = 'ko' || o.id AND i.vref GLOB 'o-*' AND i.reachable"
        " AND w.state = 'running') ORDER BY o.id LIMIT ?)"
        "SELECT s.id, s.owner, s.vref, i.vat, i.vref FROM suspect s"
        " JOIN clist i ON i.kref = 'ko' || s.id AND i.vref GLOB 'o-*' ORDER BY s.id, i.vat",
        "i", (int64_t)most);
    struct suspect *last = NULL;
    while (query_next(query)) {
        uint64_t id = (uint64_t)query_integer(query, 0);
        if (last == NULL || kref_number(last->kref) != id)
            last = add_suspect(
                suspects, id, (uint64_t)query_integer(query, 1), vref_parse(query_bytes(query, 2)));
        add_importer(
            suspects, (struct importer){suspects->count - 1, (uint64_t)query_integer(query, 3),
                          vref_parse(query_bytes(query, 4))});
    }
    query_end(query);
}

void
suspects_free(struct suspects *suspects)
{
    free(suspects->list);
    free(suspects->importers);
    *suspects = (struct suspects){0};
}

size_t
kernel_drop_suspects(struct kernel *kernel, const struct suspects *suspects)
{
    size_t dropped = 0;
    for (size_t i = 0; i < suspects->count; i++) {
        if (suspects->list[i].alive)
            continue;
        gc_drop_cycle(kernel, suspects->list[i].owner, suspects->list[i].kref);
        gc_reap(kernel, suspects->list[i].owner); /* after the drop: see gc_begin */
        dropped++;
    }
    return dropped;
}
