/* Object cycles across vats: objects in several vats that hold each other, and that nothing else
 * holds. Counts alone keep them for ever.
 *
 * Suppose that every suspect is garbage, and ask each vat: if nobody reached your suspect exports
 * from outside, which of the imported suspects would your heap still hold? The vat unpins them,
 * collects, looks, and its heap is put back, byte for byte. A suspect that some heap still holds is
 * alive; its owner must be asked again with it pinned. When nothing changes any more, what is left
 * is held by nothing but itself, and its owners are told to drop it; the ordinary collector does
 * the rest. All of it happens between two cranks, so what the vats say fits together. */
#include "base/memory.h"
#include "host/internal.h"
#include "kernel/face/block.h"
#include "kernel/suspect.h"

#include <stdlib.h>

#define AUTO_SUSPECTS 2000 /* looked at by itself */
#define AUTO_ITEMS 20000   /* of the queue from one look to the next, at the least */

struct search {
    struct host *host;
    struct suspects suspects;
    uint64_t *dirty; /* vats to be asked, again or for the first time */
    size_t dirty_count, dirty_capacity;
};

static void
mark_dirty(struct search *search, uint64_t vat)
{
    for (size_t i = 0; i < search->dirty_count; i++) {
        if (search->dirty[i] == vat)
            return;
    }
    if (search->dirty_count == search->dirty_capacity) {
        search->dirty_capacity = search->dirty_capacity == 0 ? 16 : search->dirty_capacity * 2;
        search->dirty =
            memory_resize(search->dirty, search->dirty_capacity * sizeof *search->dirty);
    }
    search->dirty[search->dirty_count++] = vat;
}

static void
mark_alive(struct search *search, size_t index)
{
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
    struct online *online = probe.import_count == 0 ? NULL : host_bring(search->host, vat_number);
    bool said = online != NULL && vat_probe(online->vat, &probe);
    host_make_room(search->host);
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
    kernel_suspects(host->kernel, most, &search.suspects);
    for (size_t i = 0; i < search.suspects.importers.count; i++)
        mark_dirty(&search, search.suspects.importers.items[i].vat);
    while (search.dirty_count > 0)
        ask(&search, search.dirty[--search.dirty_count]);
    size_t dropped = kernel_drop_suspects(host->kernel, &search.suspects);
    suspects_free(&search.suspects);
    free(search.dirty);
    return dropped;
}

/* By itself, when there is nothing else to do, and seldom. */
bool
host_look_for_cycles(struct host *host)
{
    return kernel_look_is_due(host->kernel, AUTO_ITEMS) &&
           host_collect_cycles(host, AUTO_SUSPECTS) > 0;
}
