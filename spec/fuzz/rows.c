/* A valid database with some cells, rows and keys made wrong: opened, audited, run, all vats used.
 *
 * What comes of it is a clear error, a failed vat, or a life without what was damaged. The database
 * is made when the program starts and has something in every table; the input says which cells are
 * changed and how: other numbers, other texts, bits of blobs, rows gone or there twice.
 *
 * Opening vats, running and closing them took most of the time that an input had, and SQLite's parser
 * most of the rest (again.h). So one input in 32 has a whole life, and the others one of the kernel,
 * whose vats ask for nothing; damage to rows is mostly met there. */
#include <string.h>

#include "again.h"
#include "base/read.h"
#include "host/cycles.h"
#include "kernel/look/audit.h"
#include "kernel/look/dump.h"
#include "sample.h"
#include "store/query.h"

#define TABLES_MAX 32
#define COLUMNS_MAX 40
#define DAMAGES_MAX 6

int LLVMFuzzerInitialize(int *count, char ***arguments);

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

/* The database in memory that short lives begin with: what is in the file. */
static void
fill_memory(void)
{
    char *error = NULL;
    struct db *db = db_open(":memory:", DB_WRITE, &error);
    FUZZ_CHECK(db != NULL);
    char *sql = sqlite3_mprintf("ATTACH %Q AS sample", path);
    again_run(&again_pool[0], sql);
    sqlite3_free(sql);
    for (size_t i = 0; i < table_count; i++) {
        sql = sqlite3_mprintf("DELETE FROM main.%s; INSERT INTO main.%s SELECT * FROM sample.%s",
            tables[i].name, tables[i].name, tables[i].name);
        again_run(&again_pool[0], sql);
        sqlite3_free(sql);
    }
    again_run(&again_pool[0], "DETACH sample");
    db_close(db);
}

int
LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    fuzz_path(path, sizeof path, "rows");
    again_begin();
    make_sample();
    read_tables();
    fill_memory();
    unlink(path);
    return 0;
}

/* Damaging it */

static int64_t
other_number(struct reader *input, int64_t was)
{
    static const int64_t numbers[] = {0, 1, -1, 2, 3, 4, 7, 100, 65536, INT32_MAX, INT64_MAX,
        INT64_MIN, (int64_t)1 << 60, ((int64_t)1 << 60) + 1, (int64_t)1 << 59, -2};
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
damage(struct reader *input, const char *name)
{
    char *error = NULL;
    struct db *db = db_open(name, DB_WRITE, &error);
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
look_around(struct kernel *kernel)
{
    struct buf text = {0};
    kernel_audit(kernel, &text);
    kernel_dump(kernel, &text);
    kernel_holders(kernel, kref_object(1), &text);
    buf_free(&text);
}

static void
use(struct host *host)
{
    struct kernel *kernel = host_kernel(host);
    look_around(kernel);
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
    look_around(kernel);
}

static void
check_stopped(const char *why)
{
    if (why != NULL && strstr(why, "is damaged: table ") == NULL &&
        strstr(why, ": the store failed: ") == NULL && strstr(why, "the critical vat ") == NULL)
        FUZZ_FAIL("an unclear error: %s", why);
}

/* A life with its vats: in a file, which is opened as a user would. */
static void
live(struct reader *input)
{
    write_image();
    if (damage(input, path)) {
        struct host *host = open_host();
        if (host != NULL) {
            use(host);
            check_stopped(kernel_stopped(host_kernel(host)));
            host_close(host);
        }
    }
    unlink(path);
}

/* Cranks whose vats ask for nothing. */
static void
crank(struct kernel *kernel, int count)
{
    const struct outcome nothing = {.interface = bytes_of("Root")};
    const char *reason;
    struct crank crank;
    enum crank_step step = CRANK_DONE;
    while (count-- > 0 && step != CRANK_IDLE && step != CRANK_STOPPED) {
        step = crank_begin(kernel, 0, &crank);
        if (step == CRANK_DELIVER)
            crank_finish(kernel, &nothing);
        else if (step == CRANK_UPGRADE)
            kernel_upgrade_finish(kernel, &nothing, &reason);
    }
}

/* A life of the kernel alone, in memory: a hundredth of the time, and all rows are read. */
static void
live_without_vats(struct reader *input)
{
    char *error = NULL;
    again_keeps = true;
    bool good = damage(input, ":memory:");
    again_keeps = false;
    struct kernel *kernel = good ? kernel_open(":memory:", DB_WRITE, &error) : NULL;
    if (kernel == NULL) {
        FUZZ_CHECK(!good || (error != NULL && strlen(error) > strlen(":memory:")));
        free(error);
        return;
    }
    look_around(kernel);
    crank(kernel, 60);
    for (uint64_t i = 1; i <= VATS && kernel_stopped(kernel) == NULL; i++) {
        kernel_resume_vat(kernel, i);
        send_to(kernel, i, "ping", kernel_root(kernel, i % VATS + 1));
    }
    if (kernel_stopped(kernel) == NULL)
        kernel_reap_all(kernel);
    crank(kernel, 40);
    for (uint64_t i = 1; i <= VATS + 1 && kernel_stopped(kernel) == NULL; i += 2)
        kernel_terminate_vat(kernel, i, "told to");
    crank(kernel, 60);
    look_around(kernel);
    check_stopped(kernel_stopped(kernel));
    kernel_close(kernel);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader input = reader_of((struct bytes){data, size});
    if (rarely(&input, 32))
        live(&input);
    else
        live_without_vats(&input);
    return 0;
}
