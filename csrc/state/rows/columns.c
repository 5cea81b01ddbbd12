#include "state/rows/columns.h"

#include "base/hash.h"
#include "state/blob.h"
#include "state/internal.h"
#include "state/rows/row.h"
#include "store/query.h"

#include <assert.h>
#include <string.h>

_Static_assert(sizeof(enum column_role) == sizeof(unsigned), "enums are read as unsigned");

bool
columns_sane(int64_t number)
{
    return number >= 0 && number <= NUMBER_MAX;
}

bool
columns_is_written(const struct column *column)
{
    return column->is != IS_OWNED;
}

void
columns_open(struct columns *columns, const struct row_type *type)
{
    *columns = (struct columns){.type = type, .list = type->columns};
    assert((type->renewed != 0) == (type->renew_by != 0));
    for (const struct column *at = type->columns; at->is != IS_NONE; at++) {
        assert(at->offset >= sizeof(struct row) && at->offset < type->size);
        assert(at->is != IS_NAME || at->names != NULL);
        assert(at->is != IS_BODY || (at[1].is == IS_SLOTS && at[1].offset == at->offset));
        assert((at->role == ROLE_KEY) <= (at == type->columns || at[-1].role == ROLE_KEY));
        if (at->is != IS_TEXT && at->is != IS_STRING && at->is != IS_BODY && at->is != IS_OWNED)
            continue;
        assert(columns->owned_count < OWNED_MAX);
        columns->owned[columns->owned_count++] = at->offset;
    }
}

/* Members */

static uint64_t
number_at(const struct column *column, const void *row)
{
    uint64_t number;
    memcpy(&number, (const char *)row + column->offset, sizeof number);
    return number;
}

static void
set_number(const struct column *column, void *row, uint64_t number)
{
    memcpy((char *)row + column->offset, &number, sizeof number);
}

static unsigned
enum_at(size_t offset, const void *row)
{
    unsigned value;
    memcpy(&value, (const char *)row + offset, sizeof value);
    return value;
}

static void
set_enum(size_t offset, void *row, unsigned value)
{
    memcpy((char *)row + offset, &value, sizeof value);
}

static struct blob **
blob_at(size_t offset, const void *row)
{
    return (struct blob **)(uintptr_t)((const char *)row + offset);
}

/* To the database */

static void
bind_number(struct query *query, int at, const struct column *column, const void *row)
{
    uint64_t number = number_at(column, row);
    assert(column->is != IS_POSITIVE || number > 0);
    bool elsewhere = column->tag_at != 0 && enum_at(column->tag_at, row) != column->tag;
    if (elsewhere || (column->optional && number == 0))
        query_set_null(query, at);
    else
        query_set_integer(query, at, (int64_t)number);
}

static void
bind_blob(struct state *state, struct query *query, int at, const struct column *column,
    const struct blob *blob)
{
    if (blob == NULL && column->optional) {
        query_set_null(query, at);
    } else if (column->is == IS_STRING) {
        query_set_text(query, at, (const char *)blob->body);
    } else if (column->is == IS_SLOTS) {
        buf_clear(&state->scratch);
        blob_print_slots(blob, &state->scratch);
        query_set_bytes(query, at, buf_view(&state->scratch), true);
    } else {
        query_set_bytes(query, at, blob_bytes(blob), column->is == IS_TEXT);
    }
}

static void
bind_reference(struct query *query, int at, const struct column *column, const void *row)
{
    char text[REF_TEXT_MAX];
    uint64_t word = number_at(column, row);
    assert(column->is != IS_VREF || vref_is_valid((struct vref){word}));
    assert(column->is != IS_KREF || column->optional || !kref_is_none((struct kref){word}));
    if (column->is == IS_VREF)
        query_set_text(query, at, vref_print((struct vref){word}, text));
    else if (column->optional && kref_is_none((struct kref){word}))
        query_set_null(query, at);
    else
        query_set_text(query, at, kref_print((struct kref){word}, text));
}

static void
bind_column(
    struct state *state, struct query *query, int at, const struct column *column, const void *row)
{
    bool truth;
    switch (column->is) {
    case IS_NUMBER:
    case IS_COUNT:
    case IS_POSITIVE:
        bind_number(query, at, column, row);
        break;
    case IS_BOOL:
        memcpy(&truth, (const char *)row + column->offset, sizeof truth);
        if (column->names == NULL)
            query_set_integer(query, at, truth);
        else
            query_set_text(query, at, column->names[truth]);
        break;
    case IS_NAME:
        query_set_text(query, at, column->names[enum_at(column->offset, row)]);
        break;
    case IS_KREF:
    case IS_VREF:
        bind_reference(query, at, column, row);
        break;
    default:
        bind_blob(state, query, at, column, *blob_at(column->offset, row));
    }
}

/* Binds the columns of this role, or of all, from this argument on; the next argument. */
static int
bind_role(const struct columns *columns, struct state *state, struct query *query, int role,
    int argument, const void *row)
{
    for (const struct column *at = columns->list; at->is != IS_NONE; at++) {
        if (columns_is_written(at) && (role < 0 || at->role == (enum column_role)role))
            bind_column(state, query, argument++, at, row);
    }
    return argument;
}

static void
write_role(const struct columns *columns, struct state *state, enum statement statement,
    enum column_role role, const void *row)
{
    struct query *query = query_start(state->db, statement);
    if (query == NULL)
        return;
    int next = bind_role(columns, state, query, (int)role, 1, row);
    bind_role(columns, state, query, ROLE_KEY, next, row);
    query_run(query);
}

static void
write_whole(const struct columns *columns, struct state *state, const void *row)
{
    struct query *query = query_start(state->db, columns->type->write_by);
    if (query == NULL)
        return;
    bind_role(columns, state, query, -1, 1, row);
    query_run(query);
}

void
columns_write(const struct columns *columns, struct state *state, const void *row)
{
    const struct row_type *type = columns->type;
    if (type->renewed == 0 || !((const struct row *)row)->stored) {
        write_whole(columns, state, row);
        return;
    }
    write_role(columns, state, type->change_by, ROLE_VALUE, row);
    if (*(const bool *)((const char *)row + type->renewed))
        write_role(columns, state, type->renew_by, ROLE_RARE, row);
}

void
columns_erase(const struct columns *columns, struct state *state, const void *row)
{
    struct query *query = query_start(state->db, columns->type->erase_by);
    if (query == NULL)
        return;
    bind_role(columns, state, query, ROLE_KEY, 1, row);
    query_run(query);
}

/* From the database */

static bool
take_number(const struct column *column, struct query *query, int at, void *row)
{
    int64_t number = query_integer(query, at);
    bool good =
        column->is == IS_NUMBER || (columns_sane(number) && (column->is == IS_COUNT || number > 0));
    if (!good)
        number = column->is == IS_POSITIVE;
    if (column->tag_at == 0) {
        set_number(column, row, (uint64_t)number);
    } else if (!query_null(query, at)) {
        set_number(column, row, (uint64_t)number);
        set_enum(column->tag_at, row, column->tag);
    }
    return good;
}

static bool
take_name(const struct column *column, struct query *query, int at, void *row)
{
    struct bytes name = query_bytes(query, at);
    unsigned value = 0;
    while (column->names[value] != NULL && !bytes_equal(name, bytes_of(column->names[value])))
        value++;
    bool known = column->names[value] != NULL;
    set_enum(column->offset, row, known ? value : 0);
    return known;
}

static bool
take_kref(const struct column *column, struct query *query, int at, void *row)
{
    struct kref kref = kref_parse(query_bytes(query, at));
    set_number(column, row, kref.word);
    return !kref_is_none(kref) || (column->optional && query_null(query, at));
}

static bool
take_vref(const struct column *column, struct query *query, int at, void *row)
{
    struct vref vref = vref_parse(query_bytes(query, at));
    set_number(column, row, vref.word);
    return vref_is_valid(vref);
}

static void
take_bool(const struct column *column, struct query *query, int at, void *row)
{
    bool truth = column->names == NULL
                     ? query_integer(query, at) != 0
                     : bytes_equal(query_bytes(query, at), bytes_of(column->names[1]));
    memcpy((char *)row + column->offset, &truth, sizeof truth);
}

static void
take_blob(const struct column *column, struct query *query, int at, void *row)
{
    struct blob *blob = NULL;
    if (column->is == IS_BODY) {
        struct bytes slots = query_bytes(query, at + 1);
        blob = blob_parse(query_bytes(query, at), slots);
    } else if (column->is == IS_TEXT) {
        blob = blob_new(query_bytes(query, at), NULL, 0);
    } else if (!query_null(query, at)) {
        blob = blob_string(query_bytes(query, at));
    }
    *blob_at(column->offset, row) = blob;
}

static bool
take_column(const struct column *column, struct query *query, int at, void *row)
{
    switch (column->is) {
    case IS_NUMBER:
    case IS_COUNT:
    case IS_POSITIVE:
        return take_number(column, query, at, row);
    case IS_NAME:
        return take_name(column, query, at, row);
    case IS_KREF:
        return take_kref(column, query, at, row);
    case IS_VREF:
        return take_vref(column, query, at, row);
    case IS_BOOL:
        take_bool(column, query, at, row);
        return true;
    case IS_SLOTS:
        return true;
    default:
        take_blob(column, query, at, row);
        return true;
    }
}

bool
columns_read(const struct columns *columns, struct query *query, void *row)
{
    bool good = true;
    int at = 0;
    for (const struct column *column = columns->list; column->is != IS_NONE; column++) {
        if (columns_is_written(column))
            good = take_column(column, query, at++, row) && good;
    }
    return good;
}

/* What a row owns */

uint64_t
columns_sum(const struct columns *columns, const void *row, size_t most)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < columns->owned_count; i++) {
        const struct blob *blob = *blob_at(columns->owned[i], row);
        if (blob == NULL)
            continue;
        struct bytes slots = {(const uint8_t *)blob->slots, blob->slot_count * sizeof *blob->slots};
        struct bytes body = {blob->body, blob->size < most ? blob->size : most};
        sum = hash_number(sum ^ hash_bytes(slots) ^ blob->size) ^ hash_bytes(body);
    }
    return sum;
}

void
columns_hold(const struct columns *columns, const void *row)
{
    for (size_t i = 0; i < columns->owned_count; i++)
        blob_hold(*blob_at(columns->owned[i], row));
}

void
columns_drop(const struct columns *columns, const void *row)
{
    for (size_t i = 0; i < columns->owned_count; i++)
        blob_drop(*blob_at(columns->owned[i], row));
}
