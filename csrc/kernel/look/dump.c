#include "kernel/look/dump.h"

#include "base/show.h"
#include "kernel/face/listing.h"
#include "kernel/krefs.h"
#include "kernel/look/tally.h"
#include "kernel/look/walk.h"

#include <assert.h>
#include <stdio.h>

struct dump {
    struct kernel *kernel;
    struct buf *text;
    struct tallies tallies;
};

/* Host references are left out, and with them everything that only they keep: the promise of a
   handle, and what its value holds. */

struct letting_go {
    struct tallies *tallies;
    struct kref_list gone; /* promises that nothing else holds */
};

static void
let_go(struct letting_go *letting, struct kref kref, int64_t times)
{
    assert(times > 0);
    struct tally *tally = tally_of(letting->tallies, kref);
    tally->recognizable -= times;
    tally->reachable -= times;
    if (kref_is_promise(kref) && tally->recognizable == 0)
        list_push(&letting->gone, kref);
}

static void
let_go_one(void *context, const struct holder *holder)
{
    let_go(context, holder->kref, holder->count);
}

static void
release_host(struct dump *dump)
{
    struct letting_go letting = {.tallies = &dump->tallies};
    for (size_t i = 0; i < dump->tallies.capacity; i++) {
        struct tally tally = dump->tallies.slots[i];
        if (tally.word != 0 && tally.host > 0)
            let_go(&letting, (struct kref){tally.word}, tally.host);
    }
    for (size_t i = 0; i < letting.gone.count; i++)
        walk_promise(dump->kernel, kref_number(letting.gone.items[i]), let_go_one, &letting);
    list_free(&letting.gone);
}

/* Columns */

static const char *
kref_slot(const void *context, uint64_t index, char *text)
{
    const struct blob *value = context;
    return index < value->slot_count ? kref_print(value->slots[index], text) : "malformed";
}

static const char *
number_slot(const void *context, uint64_t index, char *text)
{
    (void)context;
    snprintf(text, REF_TEXT_MAX, "%llu", (unsigned long long)index);
    return text;
}

static void
show_value(struct dump *dump, struct bytes body, struct bytes slots)
{
    struct blob *value = blob_parse(body, slots);
    if (value != NULL)
        show_body(dump->text, body, kref_slot, value);
    else
        show_body(dump->text, body, number_slot, NULL);
    blob_drop(value);
}

/* A method's name may be any text; as it is when it is one plain word. */
static void
show_text(struct buf *text, struct bytes bytes)
{
    bool plain = bytes.size > 0;
    for (size_t i = 0; i < bytes.size; i++)
        plain = plain && bytes.data[i] > ' ' && bytes.data[i] < 0x7f && bytes.data[i] != '"';
    if (plain)
        buf_append(text, bytes.data, bytes.size);
    else
        show_string(text, bytes);
}

static void
show_column(struct dump *dump, struct query *query, int column)
{
    struct bytes bytes = query_bytes(query, column);
    switch (query_column_type(query, column)) {
    case COLUMN_NULL:
        buf_text(dump->text, "-");
        break;
    case COLUMN_BLOB:
        show_string(dump->text, bytes);
        break;
    case COLUMN_INTEGER:
    case COLUMN_TEXT:
        show_text(dump->text, bytes);
        break;
    }
}

/* Sections: a heading, and a statement whose rows become lines. A column named "body" is shown
   with the slots that stand in the column behind it. */
struct section {
    const char *heading;
    enum statement rows;
};

static const struct section sections[] = {
    {"counters", STATEMENT_DUMP_COUNTERS},
    {"vats", STATEMENT_DUMP_VATS},
    {"clists", STATEMENT_DUMP_CLISTS},
    {"queue", STATEMENT_DUMP_QUEUE},
    {"holds", STATEMENT_DUMP_HOLDS},
    {"vatstore", STATEMENT_DUMP_VATSTORE},
    {"durable", STATEMENT_DUMP_DURABLE},
    {"bundles", STATEMENT_DUMP_BUNDLES},
};

static void
dump_section(struct dump *dump, const struct section *section)
{
    buf_format(dump->text, "%s\n", section->heading);
    struct query *query = kernel_listing(dump->kernel, section->rows, 0);
    while (query_next(query)) {
        int columns = query_columns(query);
        for (int i = 0; i < columns; i++) {
            buf_text(dump->text, i == 0 ? "  " : " ");
            if (bytes_equal(bytes_of(query_column_name(query, i)), bytes_of("body"))) {
                assert(i + 1 < columns);
                show_value(dump, query_bytes(query, i), query_bytes(query, i + 1));
                i++;
            } else {
                show_column(dump, query, i);
            }
        }
        buf_byte(dump->text, '\n');
    }
    query_end(query);
}

/* What is held of the object or promise in the first column; a damaged row may be of none. */
static struct tally
tally_column(struct dump *dump, struct query *query)
{
    struct kref kref = kref_parse(query_bytes(query, 0));
    struct tally none = {0};
    return kref_is_none(kref) ? none : *tally_of(&dump->tallies, kref);
}

static void
dump_objects(struct dump *dump)
{
    buf_text(dump->text, "objects\n");
    struct query *query = kernel_listing(dump->kernel, STATEMENT_DUMP_OBJECTS, 0);
    while (query_next(query)) {
        struct tally tally = tally_column(dump, query);
        if (tally.recognizable == 0 && query_integer(query, 4) != 0)
            continue;
        buf_text(dump->text, "  ");
        show_column(dump, query, 0);
        buf_byte(dump->text, ' ');
        show_column(dump, query, 1);
        buf_byte(dump->text, ' ');
        show_string(dump->text, query_bytes(query, 2));
        buf_format(dump->text, " %lld %lld%s\n", (long long)tally.reachable,
            (long long)tally.recognizable, query_integer(query, 3) != 0 ? " revoked" : "");
    }
    query_end(query);
}

static void
dump_promises(struct dump *dump)
{
    buf_text(dump->text, "promises\n");
    struct query *query = kernel_listing(dump->kernel, STATEMENT_DUMP_PROMISES, 0);
    while (query_next(query)) {
        struct tally tally = tally_column(dump, query);
        if (tally.recognizable == 0)
            continue;
        buf_text(dump->text, "  ");
        show_column(dump, query, 0);
        buf_format(dump->text, " %lld", (long long)tally.recognizable);
        for (int i = 1; i < 5; i++) {
            buf_byte(dump->text, ' ');
            show_column(dump, query, i);
        }
        if (!query_null(query, 5)) {
            buf_byte(dump->text, ' ');
            show_value(dump, query_bytes(query, 5), query_bytes(query, 6));
        }
        buf_byte(dump->text, '\n');
    }
    query_end(query);
}

void
kernel_dump(struct kernel *kernel, struct buf *text)
{
    struct dump dump = {kernel, text, {0}};
    tally_holders(kernel, &dump.tallies);
    release_host(&dump);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        dump_section(&dump, &sections[i]);
    dump_objects(&dump);
    dump_promises(&dump);
    tally_free(&dump.tallies);
}
