/* A valid database with some cells, rows and keys made wrong: opened, audited, run, all vats used.
 *
 * What comes of it is a clear error, a failed vat, or a life without what was damaged. The database
 * is made when the program starts and has something in every table; the input says which cells are
 * changed and how: other numbers, other texts, bits of blobs, rows gone or there twice. */
#include <string.h>

#include "base/cbor.h"
#include "base/memory.h"
#include "base/read.h"
#include "fuzz.h"
#include "host/cycles.h"
#include "host/launching.h"
#include "kernel/look/audit.h"
#include "kernel/look/dump.h"
#include "state/bundle_name.h"
#include "state/setting.h"
#include "store/query.h"

#define TABLES_MAX 32
#define COLUMNS_MAX 40
#define VATS 6
#define DAMAGES_MAX 6

int LLVMFuzzerInitialize(int *count, char ***arguments);

/* No input needs the disk's word: SQLite finds these before those of the C library. */
__attribute__((visibility("default"))) int
fsync(int file)
{
    (void)file;
    return 0;
}

__attribute__((visibility("default"))) int
fdatasync(int file)
{
    (void)file;
    return 0;
}

/* Statements are known by their addresses: they are made once, for every column. */
struct column {
    char *name;
    enum column_type type;
    char *read, *update, *insert;
};

static struct table_text {
    char *name, *keys, *names, *delete, *count;
    struct column columns[COLUMNS_MAX];
    size_t column_count;
} tables[TABLES_MAX];

static size_t table_count;
static struct buf image; /* of the database as it was made */
static char path[512];

/* Making the database */

static const char *const sources[] = {
    /* 1: keeps everything that can be kept */
    "return function(vat, params)\n"
    "local make = vat.kind('Purse', { add = function(self, n) self.n = self.n + n; return self.n "
    "end })\n"
    "local b = vat.baggage\n"
    "b.purse = b.purse or make { n = 1 }\n"
    "local kept = {}\n"
    "local root\n"
    "root = Far('Keeper', {\n"
    "ping = function(self, ...) b.count = (b.count or 0) + 1; vat.vatstore.last = "
    "tostring(b.count);\n"
    "  b.purse:add(1); return b.count, b.purse, ... end,\n"
    "setup = function(self, other) b.other = other; vat.map('m')[other] = { 1, 'two' }\n"
    "  vat.set('s').x = true; local p = E(other):wait(self); kept[1] = p; vat.watch(p, root, "
    "'woken')\n"
    "  kept[2] = Far('Loose', { ping = function() return 'loose' end }); E(other):take(kept[2], "
    "b.purse)\n"
    "  return p end,\n"
    "woken = function(self, ok, value) b.woken = ok; return value end })\n"
    "return root end\n",
    /* 2: never settles, and remembers what it was given */
    "return function(vat)\n"
    "local list, q, yes = {}, promise()\n"
    "return Far('Other', { wait = function(self, who) E(who):ping(q); return q end,\n"
    "take = function(self, ...) list[#list + 1] = { ... }; vat.baggage.seen = #list; return ... "
    "end,\n"
    "ping = function(self, ...) for i, x in ipairs(list) do E.send_only(x[1]):ping() end\n"
    "  return #list, ... end, leave = function() vat.exit('gone') end }) end\n",
};

static struct blob *
one_argument(struct kref kref)
{
    struct buf body = {0};
    cbor_head(&body, CBOR_ARRAY, 1);
    cbor_head(&body, CBOR_TAG, CBOR_TAG_OBJECT);
    cbor_head(&body, CBOR_ARRAY, 2);
    cbor_head(&body, CBOR_UNSIGNED, 0);
    cbor_string(&body, bytes_of(""));
    struct blob *blob = blob_new(buf_view(&body), &kref, 1);
    buf_free(&body);
    return blob;
}

static void
send_to(struct kernel *kernel, uint64_t vat, const char *method, struct kref argument)
{
    struct kref root = kernel_root(kernel, vat);
    if (kref_is_none(root) || kref_is_none(argument) || kernel_stopped(kernel) != NULL)
        return;
    struct blob *value = one_argument(argument);
    kernel_send(kernel, root, bytes_of(method), value);
    blob_drop(value);
}

static void
run(struct host *host, int steps)
{
    while (steps-- > 0 && host_step(host) == HOST_DONE)
        host_log_clear(host);
}

static void
launch(struct host *host)
{
    struct vat_plan plans[VATS] = {0};
    struct vat_module modules[VATS];
    static const char *const names[VATS] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < VATS; i++) {
        modules[i] = (struct vat_module){bytes_of("main.lua"), bytes_of(sources[i % 2])};
        plans[i].name = names[i];
        plans[i].modules = &modules[i];
        plans[i].module_count = 1;
        plans[i].parameters = blob_new(bytes_of("\x81\x80"), NULL, 0);
        plans[i].settings = (struct vat_settings){.transcript = i != 2,
            .time_limit_us = 1000000,
            .memory_limit = 4 << 20,
            .reap_interval = 5,
            .paged = i == 4,
            .snapshot_interval = 3};
    }
    uint64_t cluster;
    char *error = NULL;
    if (!host_launch(host, plans, VATS, &cluster, NULL, &error))
        FUZZ_FAIL("the database cannot be made: %s", error);
    for (size_t i = 0; i < VATS; i++)
        blob_drop(plans[i].parameters);
}

/* Something in every table: promises that wait, parked messages, a service's call, an upgrade, a
   vat that ended and one that is suspended. */
static void
live_a_little(struct host *host)
{
    struct kernel *kernel = host_kernel(host);
    struct kref roots[VATS + 1];
    for (uint64_t i = 1; i <= VATS; i++)
        roots[i] = kernel_root(kernel, i);
    for (uint64_t i = 1; i <= VATS; i += 2)
        send_to(kernel, i, "setup", roots[i + 1]);
    run(host, 200);
    struct kref service = kernel_service(kernel, "vat_admin");
    kernel_pin(kernel, roots[1]);
    kernel_pin(kernel, service);
    send_to(kernel, 1, "setup", service);
    send_to(kernel, 6, "leave", roots[1]);
    for (int i = 0; i < 8; i++)
        send_to(kernel, 1, "ping", roots[2]);
    run(host, 200);
    kernel_suspend_vat(kernel, 4);
    send_to(kernel, 4, "ping", roots[1]);
    kernel_release(kernel, kernel_send_upgrade(kernel, 3, bytes_of(""), NULL));
    run(host, 100);
    kernel_release(kernel, kernel_send_upgrade(kernel, 5, bytes_of(""), NULL));
    send_to(kernel, 2, "ping", roots[5]);
    send_to(kernel, 3, "setup", roots[2]);
    bundle_name_set(kernel_state(kernel), bytes_of("named"), bytes_of("no such"));
    setting_set(kernel_state(kernel), "a", "b");
}

static struct host *
open_host(void)
{
    struct host_options options = {.path = path, .mode = DB_WRITE, .commit_every = 7};
    char *error = NULL;
    struct host *host = host_open(&options, &error);
    if (host == NULL)
        FUZZ_CHECK(error != NULL && strlen(error) > strlen(path));
    free(error);
    return host;
}

static void
read_image(void)
{
    uint8_t block[4096];
    size_t size;
    FILE *file = fopen(path, "rb");
    FUZZ_CHECK(file != NULL);
    while ((size = fread(block, 1, sizeof block, file)) > 0)
        buf_append(&image, block, size);
    fclose(file);
}

static void
write_image(void)
{
    FILE *file = fopen(path, "wb");
    FUZZ_CHECK(file != NULL && fwrite(image.data, 1, image.size, file) == image.size);
    fclose(file);
}

/* Statements */

static char *
print(const char *format, const char *a, const char *b, const char *c, const char *d)
{
    struct buf text = {0};
    for (const char *at = format; *at != 0; at++) {
        if (*at >= '1' && *at <= '4')
            buf_text(&text, *at == '1' ? a : *at == '2' ? b : *at == '3' ? c : d);
        else
            buf_byte(&text, (unsigned char)*at);
    }
    char *copy = memory_text(buf_string(&text));
    buf_free(&text);
    return copy;
}

static char *
text_of(struct query *query, int column)
{
    return (char *)memory_copy(query_bytes(query, column));
}

static void
append(char **list, const char *text)
{
    char *longer = *list == NULL ? memory_text(text) : print("1, 2", *list, text, "", "");
    free(*list);
    *list = longer;
}

static void
read_columns(struct db *db, struct table_text *table)
{
    struct query *query =
        db_query_text(db, "SELECT name, type, pk > 0 FROM pragma_table_info(?)", "t", table->name);
    while (query_next(query) && table->column_count < COLUMNS_MAX) {
        struct column *column = &table->columns[table->column_count++];
        column->name = text_of(query, 0);
        uint8_t first = query_bytes(query, 1).data[0];
        column->type = first == 'I' ? COLUMN_INTEGER : first == 'T' ? COLUMN_TEXT : COLUMN_BLOB;
        append(&table->names, column->name);
        if (query_integer(query, 2) != 0)
            append(&table->keys, column->name);
    }
    query_end(query);
}

static void
write_statements(struct table_text *table)
{
    const char *name = table->name, *keys = table->keys;
    table->count = print("SELECT count(*) FROM 1", name, "", "", "");
    table->delete =
        print("DELETE FROM 1 WHERE (2) IN (SELECT 2 FROM 1 LIMIT 3 OFFSET ?)", name, keys, "1", "");
    for (size_t i = 0; i < table->column_count; i++) {
        struct column *column = &table->columns[i];
        char *changed = NULL;
        for (size_t n = 0; n < table->column_count; n++)
            append(&changed, n == i ? "?" : table->columns[n].name);
        column->read = print("SELECT 2 FROM 1 LIMIT 3 OFFSET ?", name, column->name, "1", "");
        column->update = print("UPDATE OR IGNORE 1 SET 3 = ? WHERE (2) IN (SELECT 2 FROM 1 LIMIT 4"
                               " OFFSET ?)",
            name, keys, column->name, "1");
        column->insert = print(
            "INSERT OR IGNORE INTO 1 SELECT 2 FROM 1 LIMIT 3 OFFSET ?", name, changed, "1", "");
        free(changed);
    }
}

static void
read_tables(void)
{
    char *error = NULL;
    struct db *db = db_open(path, DB_WRITE, &error);
    FUZZ_CHECK(db != NULL);
    struct query *query =
        db_query_text(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", "");
    while (query_next(query) && table_count < TABLES_MAX)
        tables[table_count++].name = text_of(query, 0);
    query_end(query);
    for (size_t i = 0; i < table_count; i++) {
        read_columns(db, &tables[i]);
        write_statements(&tables[i]);
        query = db_query_text(db, tables[i].count, "");
        if (!query_next(query) || query_integer(query, 0) == 0)
            fprintf(stderr, "nothing to damage in table %s\n", tables[i].name);
        query_end(query);
    }
    FUZZ_CHECK(db_error(db) == NULL);
    db_close(db);
}

int
LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    fuzz_path(path, sizeof path, "rows");
    struct host *host = open_host();
    FUZZ_CHECK(host != NULL);
    launch(host);
    live_a_little(host);
    if (kernel_stopped(host_kernel(host)) != NULL)
        FUZZ_FAIL("the database cannot be made: %s", kernel_stopped(host_kernel(host)));
    FUZZ_CHECK(host_close(host));
    read_image();
    read_tables();
    unlink(path);
    return 0;
}

/* Damaging it */

static int64_t
other_number(struct reader *input, int64_t was)
{
    static const int64_t numbers[] = {0, 1, -1, 2, 3, 4, 7, 100, 65536, INT32_MAX, INT64_MAX,
        INT64_MIN, (int64_t)1 << 60, ((int64_t)1 << 60) + 1};
    switch (choose(input, 4)) {
    case 0:
        return numbers[choose(input, sizeof numbers / sizeof *numbers)];
    case 1:
        return (int64_t)((uint64_t)was + choose(input, 16) - 8);
    case 2:
        return (int64_t)((uint64_t)was ^ UINT64_C(1) << choose(input, 64));
    default:
        return (int64_t)(take_word(input) >> choose(input, 64));
    }
}

static void
other_bytes(struct reader *input, struct buf *bytes)
{
    size_t times = choose(input, 3) + 1;
    for (size_t i = 0; i < times; i++) {
        struct bytes more = {0};
        switch (choose(input, 4)) {
        case 0:
            if (bytes->size > 0)
                bytes->data[choose(input, bytes->size)] ^= (uint8_t)(1 << choose(input, 8));
            break;
        case 1:
            if (bytes->size > 0)
                bytes->data[choose(input, bytes->size)] = (uint8_t)choose(input, 256);
            break;
        case 2:
            bytes->size = choose(input, bytes->size + 1);
            break;
        default:
            more = take(input, choose(input, 12));
            buf_append(bytes, more.data, more.size);
        }
    }
}

static void
other_text(struct reader *input, struct buf *bytes)
{
    static const char *const texts[] = {"", "zzz", "ko1", "kp1", "ko999999", "kp2 ko1", "o-1",
        "p-1", "o+0", "o+d1/1", "p+1", "fulfilled", "rejected", "unresolved", "follow", "running",
        "suspended", "terminated", "failed", "notify", "message", "upgrade", "reject", "suspend",
        "bulk", "paged", "host", "pin", "parameters"};
    if (choose(input, 2) != 0) {
        other_bytes(input, bytes);
        return;
    }
    buf_clear(bytes);
    buf_text(bytes, texts[choose(input, sizeof texts / sizeof *texts)]);
}

static void
run_statement(struct query *query)
{
    query_next(query);
    query_end(query);
}

/* Runs the column's update or insert with a value for the row. */
static void
put(struct db *db, struct reader *input, const struct column *column, const char *sql, int64_t row,
    int64_t from)
{
    struct buf bytes = {0};
    struct query *query = db_query_text(db, column->read, "i", from);
    int64_t number = 0;
    if (query_next(query)) {
        number = query_integer(query, 0);
        buf_append(&bytes, query_bytes(query, 0).data, query_bytes(query, 0).size);
    }
    query_end(query);
    bool other = choose(input, 4) != 0; /* else as another row has it */
    if (rarely(input, 12)) {
        run_statement(db_query_text(db, sql, "ni", row));
    } else if (column->type == COLUMN_INTEGER) {
        run_statement(
            db_query_text(db, sql, "ii", other ? other_number(input, number) : number, row));
    } else if (column->type == COLUMN_TEXT) {
        if (other)
            other_text(input, &bytes);
        run_statement(db_query_text(db, sql, "si", buf_view(&bytes), row));
    } else {
        if (other)
            other_bytes(input, &bytes);
        run_statement(db_query_text(db, sql, "bi", buf_view(&bytes), row));
    }
    buf_free(&bytes);
}

static void
damage_one(struct db *db, struct reader *input)
{
    const struct table_text *table = &tables[choose(input, table_count)];
    const struct column *column = &table->columns[choose(input, table->column_count)];
    struct query *query = db_query_text(db, table->count, "");
    size_t rows = query_next(query) ? (size_t)query_integer(query, 0) : 0;
    query_end(query);
    if (rows == 0)
        return;
    int64_t row = (int64_t)choose(input, rows);
    size_t what = choose(input, 16);
    int64_t from = what < 12 ? row : (int64_t)choose(input, rows);
    if (what == 14)
        run_statement(db_query_text(db, table->delete, "i", row));
    else
        put(db, input, column, what == 15 ? column->insert : column->update, row, from);
}

/* False when the database would not even take it. */
static bool
damage(struct reader *input)
{
    char *error = NULL;
    struct db *db = db_open(path, DB_WRITE, &error);
    FUZZ_CHECK(db != NULL);
    db_begin(db);
    for (size_t i = choose(input, DAMAGES_MAX) + 1; i > 0; i--)
        damage_one(db, input);
    bool good = db_commit(db);
    db_close(db);
    return good;
}

/* Living with it */

static void
look_around(struct host *host)
{
    struct buf text = {0};
    kernel_audit(host_kernel(host), &text);
    kernel_dump(host_kernel(host), &text);
    kernel_holders(host_kernel(host), kref_object(1), &text);
    buf_free(&text);
}

static void
use(struct host *host)
{
    struct kernel *kernel = host_kernel(host);
    look_around(host);
    run(host, 60);
    for (uint64_t i = 1; i <= VATS && kernel_stopped(kernel) == NULL; i++) {
        kernel_resume_vat(kernel, i);
        send_to(kernel, i, "ping", kernel_root(kernel, i % VATS + 1));
    }
    run(host, 80);
    if (kernel_stopped(kernel) == NULL)
        kernel_reap_all(kernel);
    run(host, 40);
    host_collect_cycles(host, 100);
    for (uint64_t i = 1; i <= VATS + 1 && kernel_stopped(kernel) == NULL; i += 2)
        kernel_terminate_vat(kernel, i, "told to");
    run(host, 60);
    look_around(host);
}

static void
check_stopped(const char *why)
{
    if (why != NULL && strstr(why, "is damaged: table ") == NULL &&
        strstr(why, ": the store failed: ") == NULL && strstr(why, "the critical vat ") == NULL)
        FUZZ_FAIL("an unclear error: %s", why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader input = reader_of((struct bytes){data, size});
    write_image();
    if (damage(&input)) {
        struct host *host = open_host();
        if (host != NULL) {
            use(host);
            check_stopped(kernel_stopped(host_kernel(host)));
            host_close(host);
        }
    }
    unlink(path);
    return 0;
}
