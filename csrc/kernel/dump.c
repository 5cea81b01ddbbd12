/* All state as one text: what a restart or another blocking of commits must not change. */
#include "base/show.h"
#include "kernel/internal.h"
#include "kernel/walk.h"
#include "store/query.h"

#include <stdio.h>
#include <stdlib.h>

struct dump {
    struct kernel *kernel;
    struct db *db;
    struct buf *text;
    struct tallies tallies;
};

/* Host references are left out, and with them everything that only they keep: the promise of a
   handle, and what its value holds. */

static void
let_go(struct dump *dump, struct kref_list *gone, struct kref kref, int64_t times)
{
    struct tally *tally = tally_of(&dump->tallies, kref);
    tally->recognizable -= times;
    tally->reachable -= times;
    if (kref_is_promise(kref) && tally->recognizable == 0)
        krefs_add(gone, kref);
}

static void
release_host(struct dump *dump)
{
    struct kref_list gone = {0};
    for (size_t i = 0; i < dump->tallies.capacity; i++) {
        struct tally tally = dump->tallies.slots[i];
        if (tally.word != 0 && tally.host > 0)
            let_go(dump, &gone, (struct kref){tally.word}, tally.host);
    }
    for (size_t i = 0; i < gone.count; i++) {
        struct query *query = db_query(dump->db, "SELECT slots, follows FROM promise WHERE id = ?",
            "i", (int64_t)kref_number(gone.krefs[i]));
        struct blob *value = NULL;
        struct kref follows = KREF_NONE;
        if (query_next(query)) {
            value = blob_parse((struct bytes){NULL, 0}, query_bytes(query, 0));
            if (!query_null(query, 1))
                follows = kref_promise((uint64_t)query_integer(query, 1));
        }
        query_end(query);
        for (size_t s = 0; value != NULL && s < value->slot_count; s++)
            let_go(dump, &gone, value->slots[s], 1);
        if (!kref_is_none(follows))
            let_go(dump, &gone, follows, 1);
        blob_drop(value);
    }
    free(gone.krefs);
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
    const char *sql;
};

static const struct section sections[] = {
    {"counters",
        "SELECT name, value FROM meta WHERE name NOT IN ('crank', 'look', 'opening', 'turn')"
        " ORDER BY name"},
    {"vats", "SELECT 'v' || id, name, 's' || cluster, state, incarnation, bundle, next_object,"
             " next_promise, object_mark, promise_mark, parameters AS body, parameter_slots"
             " FROM vat ORDER BY id"},
    {"clists", "SELECT 'v' || vat, vref, kref, reachable FROM clist"
               " ORDER BY vat, substr(vref, 1, 2), length(vref), vref"},
    {"queue", "SELECT seq, kind, target, method, result, 'v' || vat, attempt, line,"
              " 'kp' || on_promise, 'v' || on_vat, 'ko' || on_service, 'v' || on_end, body AS body,"
              " slots FROM queue ORDER BY seq"},
    {"holds", "SELECT kind, 'v' || vat, kref, count FROM hold WHERE kind <> 'host'"
              " ORDER BY kind, vat, kref"},
    {"vatstore", "SELECT 'v' || vat, key, value FROM vatstore ORDER BY vat, key"},
    {"durable", "SELECT 'v' || vat, key, value AS body, slots FROM durable ORDER BY vat, key"},
    {"bundles", "SELECT sha256, name, modules FROM bundle ORDER BY sha256"},
};

static void
dump_section(struct dump *dump, const struct section *section)
{
    buf_format(dump->text, "%s\n", section->heading);
    struct query *query = db_query(dump->db, section->sql, "");
    while (query_next(query)) {
        int columns = query_columns(query);
        for (int i = 0; i < columns; i++) {
            buf_text(dump->text, i == 0 ? "  " : " ");
            if (bytes_equal(bytes_of(query_column_name(query, i)), bytes_of("body"))) {
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

static void
dump_objects(struct dump *dump)
{
    buf_text(dump->text, "objects\n");
    struct query *query = db_query(dump->db,
        "SELECT o.id, iif(owner < 0, 'host', coalesce('v' || owner, 'nobody')), interface, revoked,"
        " v.id IS NULL OR v.state = 'terminated' FROM object o LEFT JOIN vat v ON v.id = owner"
        " ORDER BY o.id",
        "");
    while (query_next(query)) {
        uint64_t id = (uint64_t)query_integer(query, 0);
        struct tally tally = *tally_of(&dump->tallies, kref_object(id));
        if (tally.recognizable == 0 && query_integer(query, 4) != 0)
            continue;
        buf_format(dump->text, "  ko%llu ", (unsigned long long)id);
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
    struct query *query = db_query(dump->db,
        "SELECT id, state, CASE WHEN decider < 0 THEN 'kernel' ELSE 'v' || decider END,"
        " 'kp' || follows, body, slots, (SELECT group_concat('v' || vat, ',') FROM subscriber"
        " WHERE promise = id) FROM promise ORDER BY id",
        "");
    while (query_next(query)) {
        uint64_t id = (uint64_t)query_integer(query, 0);
        struct tally tally = *tally_of(&dump->tallies, kref_promise(id));
        if (tally.recognizable == 0)
            continue;
        buf_format(
            dump->text, "  kp%llu %lld", (unsigned long long)id, (long long)tally.recognizable);
        static const int columns[] = {1, 2, 3, 6};
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
            buf_byte(dump->text, ' ');
            show_column(dump, query, columns[i]);
        }
        if (!query_null(query, 4)) {
            buf_byte(dump->text, ' ');
            show_value(dump, query_bytes(query, 4), query_bytes(query, 5));
        }
        buf_byte(dump->text, '\n');
    }
    query_end(query);
}

void
kernel_dump(struct kernel *kernel, struct buf *text)
{
    struct dump dump = {kernel, state_db(kernel->state), text, {0}};
    tally_holders(kernel, &dump.tallies);
    release_host(&dump);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        dump_section(&dump, &sections[i]);
    dump_objects(&dump);
    dump_promises(&dump);
    tallies_free(&dump.tallies);
}
