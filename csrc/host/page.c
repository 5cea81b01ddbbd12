/* Rows of vats' durable tables for the vat layer, read from the state one by one. */
#include "base/memory.h"
#include "host/internal.h"
#include "state/vatstore.h"

#include <stdlib.h>

/* What a vat's pager is given; it lives as long as the vat's table needs it. */
struct page {
    struct state *state;
    uint64_t vat;
    struct buf body, slots; /* of the row got last */
};

static struct entry_value
get(void *context, enum change_space space, struct bytes key)
{
    struct page *page = context;
    if (!vatstore_get(page->state, page->vat, space, key, &page->body, &page->slots))
        return (struct entry_value){0};
    return (struct entry_value){true, buf_view(&page->body), buf_view(&page->slots)};
}

static void
scan(void *context, enum change_space space, struct bytes from, entry_visit *visit,
    void *visit_context)
{
    const struct page *page = context;
    vatstore_scan(page->state, page->vat, space, from, visit, visit_context);
}

static void
rest(void *context)
{
    struct page *page = context;
    buf_free(&page->body);
    buf_free(&page->slots);
}

static void
close_page(void *context)
{
    rest(context);
    free(context);
}

static void
page_space(struct host *host, uint64_t number, struct vat *vat, enum change_space space)
{
    struct page *page = memory_zero(sizeof *page);
    page->state = kernel_state(host->kernel);
    page->vat = number;
    struct vat_pager pager = {
        .context = page, .get = get, .scan = scan, .rest = rest, .close = close_page};
    vat_page(vat, space, &pager);
}

void
host_page(struct host *host, uint64_t number, const struct vat_settings *settings, struct vat *vat)
{
    page_space(host, number, vat, SPACE_DURABLE);
    if (settings->paged)
        page_space(host, number, vat, SPACE_VATSTORE);
}
