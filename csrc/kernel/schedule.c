#include "kernel/schedule.h"

#include "kernel/crank.h"
#include "kernel/garbage/cycle.h"
#include "kernel/garbage/gc.h"
#include "kernel/handles.h"
#include "kernel/internal.h"
#include "kernel/lives/end.h"
#include "kernel/lives/life.h"
#include "kernel/route.h"
#include "state/queue.h"
#include "state/state.h"
#include "state/vat_record.h"

#include <assert.h>

/* Rebuilds */

void
schedule_rebuild(struct kernel *kernel, uint64_t vat)
{
    list_push(&kernel->rebuilds, vat);
}

void
schedule_rebuilt(struct kernel *kernel, uint64_t vat)
{
    struct waiting *list = &kernel->rebuilds;
    size_t at = 0;
    while (at < list->count && list->items[at] != vat)
        at++;
    if (at == list->count)
        return;
    list->count--;
    for (; at < list->count; at++)
        list->items[at] = list->items[at + 1];
}

static bool
rebuilds_due(struct kernel *kernel, bool queue_waits)
{
    (void)queue_waits;
    return kernel->rebuilds.count > 0;
}

/* The next vat without a transcript gets its heap back, as the next incarnation. One that takes no
   deliveries now keeps its place. */
static enum crank_step
take_rebuild(struct kernel *kernel, double now)
{
    for (size_t i = 0; i < kernel->rebuilds.count;) {
        uint64_t id = kernel->rebuilds.items[i];
        const struct vat_record *vat = vat_record_get(kernel->state, id);
        bool waits = vat != NULL && (vat->state == VAT_SUSPENDED || vat->state == VAT_FAILED);
        if (waits) {
            i++;
            continue;
        }
        schedule_rebuilt(kernel, id);
        if (vat == NULL || vat->state != VAT_RUNNING)
            continue;
        crank_open(kernel, CAUSE_REBUILD);
        life_forget_heap(kernel, vat);
        life_start(kernel, vat, now);
        return CRANK_DELIVER;
    }
    return CRANK_IDLE;
}

/* What the host holds for its own use */

static bool
releases_due(struct kernel *kernel, bool queue_waits)
{
    (void)queue_waits;
    return kernel->releases.count > 0;
}

static enum crank_step
take_releases(struct kernel *kernel, double now)
{
    (void)now;
    handles_release(kernel);
    return CRANK_IDLE;
}

static bool
left_overs_due(struct kernel *kernel, bool queue_waits)
{
    return kernel->left_over && !(queue_waits && crank_had_turn(kernel, CAUSE_LEFT_OVER));
}

static enum crank_step
take_left_overs(struct kernel *kernel, double now)
{
    (void)now;
    handles_release_left_over(kernel);
    return CRANK_DONE;
}

/* Garbage */

static bool
cycles_due(struct kernel *kernel, bool queue_waits)
{
    return cycle_is_due(kernel, !queue_waits);
}

static enum crank_step
take_cycles(struct kernel *kernel, double now)
{
    (void)now;
    crank_open(kernel, CAUSE_CYCLE);
    bool any = cycle_collect(kernel);
    crank_close(kernel, any ? CRANK_KEEP : CRANK_UNDO);
    return any ? CRANK_DONE : CRANK_IDLE;
}

static bool
collector_due(struct kernel *kernel, bool queue_waits)
{
    return gc_is_due(kernel) && !(queue_waits && crank_had_turn(kernel, CAUSE_COLLECTOR));
}

static enum crank_step
take_collector(struct kernel *kernel, double now)
{
    crank_open(kernel, CAUSE_COLLECTOR);
    if (gc_begin(kernel, now))
        return CRANK_DELIVER;
    crank_close(kernel, CRANK_UNDO);
    return CRANK_IDLE;
}

static bool
clean_up_due(struct kernel *kernel, bool queue_waits)
{
    return kernel->endings.count > 0 && !(queue_waits && crank_had_turn(kernel, CAUSE_CLEAN_UP));
}

static enum crank_step
take_clean_up(struct kernel *kernel, double now)
{
    (void)now;
    const struct vat_record *vat = end_next(kernel);
    if (vat == NULL)
        return CRANK_IDLE;
    crank_open(kernel, CAUSE_CLEAN_UP);
    end_clean(kernel, vat);
    crank_close(kernel, CRANK_KEEP);
    return CRANK_DONE;
}

/* The queue */

static bool
queue_due(struct kernel *kernel, bool queue_waits)
{
    (void)kernel;
    return queue_waits;
}

/* Before a vat is upgraded it brings out its dead, in a crank of its own. */
static bool
reap_first(struct kernel *kernel, const struct queue_item *item, double now)
{
    const struct vat_record *vat = vat_record_get(kernel->state, item->vat);
    if (vat == NULL || vat->state != VAT_RUNNING || vat->since_reap == 0)
        return false;
    crank_open(kernel, CAUSE_REAP);
    gc_begin_reap(kernel, vat, now);
    return true;
}

static enum crank_step
take_item(struct kernel *kernel, double now)
{
    static const enum crank_cause causes[] = {[QUEUE_MESSAGE] = CAUSE_MESSAGE,
        [QUEUE_NOTIFY] = CAUSE_NOTIFY,
        [QUEUE_UPGRADE] = CAUSE_UPGRADE};
    const struct queue_item *item = queue_head(kernel->state);
    bool upgrade = item->kind == QUEUE_UPGRADE;
    if (upgrade && reap_first(kernel, item, now))
        return CRANK_DELIVER;
    if (upgrade)
        state_flush(kernel->state); /* the next incarnation's transcript begins a row */
    crank_open(kernel, causes[item->kind]);
    kernel->item = item->seq;
    if (route(kernel, item, now))
        return upgrade ? CRANK_UPGRADE : CRANK_DELIVER;
    crank_close(kernel, CRANK_KEEP);
    return CRANK_DONE;
}

/* All of them */

struct source {
    bool (*due)(struct kernel *kernel, bool queue_waits);
    /* CRANK_IDLE: it found nothing */
    enum crank_step (*take)(struct kernel *kernel, double now);
};

static const struct source sources[] = {
    {releases_due, take_releases},
    {rebuilds_due, take_rebuild},
    {left_overs_due, take_left_overs},
    {cycles_due, take_cycles},
    {collector_due, take_collector},
    {clean_up_due, take_clean_up},
    {queue_due, take_item},
};

enum crank_step
schedule_next(struct kernel *kernel, double now)
{
    bool queue_waits = queue_head(kernel->state) != NULL;
    enum crank_step step = kernel_stopped(kernel) != NULL ? CRANK_STOPPED : CRANK_IDLE;
    for (size_t i = 0; i < sizeof sources / sizeof *sources && step == CRANK_IDLE; i++) {
        if (sources[i].due(kernel, queue_waits))
            step = sources[i].take(kernel, now);
    }
    assert(crank_is_open(kernel) == (step == CRANK_DELIVER || step == CRANK_UPGRADE));
    return step;
}
