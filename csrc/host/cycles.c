#include "host/cycles.h"

#include <assert.h>
#include <stdlib.h>

#include "base/list.h"
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

/* What one vat is asked. */
struct question {
    struct LIST(struct vref) exports, imports;
    struct LIST(size_t) suspects; /* those of the imports, by index */
};

static void
write_question(const struct suspects *suspects, uint64_t vat, struct question *question)
{
    for (size_t i = 0; i < suspects->objects.count; i++) {
        const struct suspect *suspect = &suspects->objects.items[i];
        if (suspect->owner == vat && !suspect->alive)
            list_push(&question->exports, suspect->vref);
    }
    for (size_t i = 0; i < suspects->importers.count; i++) {
        const struct importer *importer = &suspects->importers.items[i];
        if (importer->vat != vat || suspects->objects.items[importer->suspect].alive)
            continue;
        list_push(&question->suspects, importer->suspect);
        list_push(&question->imports, importer->vref);
    }
}

/* False: the vat cannot say. */
static bool
put_question(struct host *host, uint64_t vat, struct vat_probe *probe)
{
    struct buf why = {0}; /* is nobody's business */
    const struct online *online = probe->import_count == 0 ? NULL : bring_back(host, vat, &why);
    assert(!kernel_in_crank(host->kernel)); /* so that what the vats say fits together */
    bool said = online != NULL && vat_probe(online->vat, probe);
    online_make_room(host);
    buf_free(&why);
    return said;
}

/* Asks one vat what it would still hold; a vat that cannot say holds everything. */
static void
ask(struct search *search, uint64_t vat)
{
    struct question question = {0};
    write_question(&search->suspects, vat, &question);
    struct vat_probe probe = {
        .exports = question.exports.items,
        .export_count = question.exports.count,
        .imports = question.imports.items,
        .import_count = question.imports.count,
        .alive = memory_zero(question.imports.count + 1),
    };
    bool said = put_question(search->host, vat, &probe);
    for (size_t i = 0; i < probe.import_count; i++) {
        if (!said || probe.alive[i])
            mark_alive(search, question.suspects.items[i]);
    }
    list_free(&question.exports);
    list_free(&question.imports);
    list_free(&question.suspects);
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
    suspect_free(&search.suspects);
    list_free(&search.dirty);
    return dropped;
}

bool
cycles_look(struct host *host)
{
    return kernel_look_is_due(host->kernel, AUTO_ITEMS) &&
           host_collect_cycles(host, AUTO_SUSPECTS) > 0;
}
