#include "host/cycles.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "host/bring.h"
#include "host/online.h"
#include "kernel/face/block.h"
#include "kernel/garbage/suspect.h"

#define AUTO_SUSPECTS 2000 /* looked at by itself */
#define AUTO_ITEMS 20000   /* of the queue from one look to the next, at the least */

struct search {
    struct host *host;
    struct suspects suspects;
    struct LIST(uint64_t) dirty; /* vats to be asked, again or for the first time */
};

static void
mark_dirty(struct search *search, uint64_t vat)
{
    for (size_t i = 0; i < search->dirty.count; i++) {
        if (search->dirty.items[i] == vat)
            return;
    }
    list_push(&search->dirty, vat);
}

static void
mark_alive(struct search *search, size_t index)
{
    assert(index < search->suspects.objects.count);
    struct suspect *suspect = &search->suspects.objects.items[index];
    if (suspect->alive)
        return;
    suspect->alive = true;
    mark_dirty(search, suspect->owner);
}

/* Asks one vat what it would still hold; a vat that cannot say holds everything. */
static void
ask(struct search *search, uint64_t vat_number)
{
    struct suspects *suspects = &search->suspects;
    struct vat_probe probe = {0};
    struct vref *exports = memory_new((suspects->objects.count + 1) * sizeof *exports);
    struct vref *imports = memory_new((suspects->importers.count + 1) * sizeof *imports);
    size_t *which = memory_new((suspects->importers.count + 1) * sizeof *which);
    for (size_t i = 0; i < suspects->objects.count; i++) {
        if (suspects->objects.items[i].owner == vat_number && !suspects->objects.items[i].alive)
            exports[probe.export_count++] = suspects->objects.items[i].vref;
    }
    for (size_t i = 0; i < suspects->importers.count; i++) {
        const struct importer *importer = &suspects->importers.items[i];
        if (importer->vat != vat_number || suspects->objects.items[importer->suspect].alive)
            continue;
        which[probe.import_count] = importer->suspect;
        imports[probe.import_count++] = importer->vref;
    }
    probe.exports = exports;
    probe.imports = imports;
    probe.alive = memory_zero(probe.import_count + 1);
    struct buf why = {0}; /* is nobody's business: who cannot say holds everything */
    struct online *online =
        probe.import_count == 0 ? NULL : bring_back(search->host, vat_number, &why);
    assert(!kernel_in_crank(search->host->kernel)); /* so that what the vats say fits together */
    bool said = online != NULL && vat_probe(online->vat, &probe);
    online_make_room(search->host);
    buf_free(&why);
    for (size_t i = 0; i < probe.import_count; i++) {
        if (!said || probe.alive[i])
            mark_alive(search, which[i]);
    }
    free(exports);
    free(imports);
    free(which);
    free(probe.alive);
}

size_t
host_collect_cycles(struct host *host, size_t most)
{
    struct search search = {.host = host};
    assert(!kernel_in_crank(host->kernel));
    kernel_suspects(host->kernel, most, &search.suspects);
    for (size_t i = 0; i < search.suspects.importers.count; i++)
        mark_dirty(&search, search.suspects.importers.items[i].vat);
    while (search.dirty.count > 0)
        ask(&search, search.dirty.items[--search.dirty.count]);
    size_t dropped = kernel_drop_suspects(host->kernel, &search.suspects);
    assert(dropped <= search.suspects.objects.count);
    suspects_free(&search.suspects);
    list_free(&search.dirty);
    return dropped;
}

bool
cycles_look(struct host *host)
{
    return kernel_look_is_due(host->kernel, AUTO_ITEMS) &&
           host_collect_cycles(host, AUTO_SUSPECTS) > 0;
}
