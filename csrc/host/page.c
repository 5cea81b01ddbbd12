#include "host/page.h"

#include <stdlib.h>

#include "base/memory.h"
#include "kernel/face/history.h"

/* What a vat's pager is given; it lives as long as the vat's table needs it. */
struct page {
    struct kernel *kernel;
    uint64_t vat;
    struct buf body, slots; /* of the row got last */
};

static struct entry_value
get(void *context, enum change_space space, struct bytes key)
{
    struct page *page = context;
    if (!kernel_row(page->kernel, page->vat, space, key, &page->body, &page->slots))
        return (struct entry_value){0};
    return (struct entry_value){true, buf_view(&page->body), buf_view(&page->slots)};
}

static void
scan(void *context, enum change_space space, struct bytes from, entry_visit *visit,
    void *visit_context)
{
    const struct page *page = context;
    kernel_rows(page->kernel, page->vat, space, from, visit, visit_context);
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
page_space(struct kernel *kernel, uint64_t number, struct vat *vat, enum change_space space)
{
    struct page *page = memory_zero(sizeof *page);
    page->kernel = kernel;
    page->vat = number;
    struct vat_pager pager = {
        .context = page, .get = get, .scan = scan, .rest = rest, .close = close_page};
    vat_page(vat, space, &pager);
}

void
page_vat(
    struct kernel *kernel, uint64_t number, const struct vat_settings *settings, struct vat *vat)
{
    page_space(kernel, number, vat, SPACE_DURABLE);
    if (settings->paged)
        page_space(kernel, number, vat, SPACE_VATSTORE);
}

bool
page_load(void *context, struct bytes key, struct entry_value value)
{
    vat_load(context, SPACE_VATSTORE, key, value.body, value.slots);
    return true;
}

void
page_as_now(struct kernel *kernel, const struct vat_info *info, struct vat *vat)
{
    if (!info->settings.paged)
        kernel_rows(kernel, info->id, SPACE_VATSTORE, (struct bytes){NULL, 0}, page_load, vat);
    page_vat(kernel, info->id, &info->settings, vat);
}
