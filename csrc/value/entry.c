#include "value/entry.h"

#include "base/cbor.h"
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

#define FLOAT_SIZE 16 /* an encoded float takes no more */

bool
entry_of(lua_State *L, int index, struct entry *entry)
{
    int type = lua_type(L, index);
    *entry = (struct entry){.major = CBOR_SIMPLE};
    if (type == LUA_TSTRING) {
        size_t size;
        entry->text = lua_tolstring(L, index, &size);
        struct bytes string = {(const uint8_t *)entry->text, size};
        entry->major = utf8_is_valid(string) ? CBOR_TEXT : CBOR_BYTES;
        entry->number = size;
    } else if (type == LUA_TBOOLEAN) {
        entry->first = lua_toboolean(L, index) ? 0xf5 : 0xf4;
    } else if (lua_isinteger(L, index)) {
        lua_Integer integer = lua_tointeger(L, index);
        entry->major = integer < 0 ? CBOR_NEGATIVE : CBOR_UNSIGNED;
        entry->number = integer < 0 ? ~(uint64_t)integer : (uint64_t)integer;
    } else if (type == LUA_TNUMBER) {
        uint8_t bytes[FLOAT_SIZE] = {0};
        struct buf buf = {.data = bytes, .capacity = sizeof bytes};
        entry->real = lua_tonumber(L, index);
        cbor_float(&buf, entry->real);
        assert(buf.data == bytes && buf.size <= 1 + sizeof entry->number);
        entry->first = bytes[0];
        for (size_t i = 1; i < buf.size; i++)
            entry->number = entry->number << 8 | bytes[i];
    } else {
        return false;
    }
    return true;
}

static int
entry_compare(const struct entry *a, const struct entry *b)
{
    if (a->major != b->major)
        return a->major < b->major ? -1 : 1;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->text == NULL ? 0 : memcmp(a->text, b->text, (size_t)a->number);
}

static void
entry_sink(struct entry *entries, size_t at, size_t count)
{
    struct entry moved = entries[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && entry_compare(&entries[child], &entries[child + 1]) < 0)
            child++;
        if (entry_compare(&moved, &entries[child]) >= 0)
            break;
        entries[at] = entries[child];
        at = child;
    }
    entries[at] = moved;
}

/* For assertions: a table has no two equal keys. */
static inline bool
is_ascending(const struct entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (entry_compare(&entries[i - 1], &entries[i]) >= 0)
            return false;
    }
    return true;
}

/* A heap sort: qsort() may allocate, which vat code may not. */
void
entry_sort(struct entry *entries, size_t count)
{
    for (size_t i = count / 2; i > 0; i--)
        entry_sink(entries, i - 1, count);
    for (size_t last = count; last > 1; last--) {
        struct entry largest = entries[0];
        entries[0] = entries[last - 1];
        entries[last - 1] = largest;
        entry_sink(entries, 0, last - 1);
    }
    assert(is_ascending(entries, count));
}
