#include "vat/live/garbage.h"

#include "vat/durable/durable.h"
#include "vat/durable/instance.h"
#include "vat/durable/key.h"
#include "vat/durable/store.h"
#include "vat/internal.h"
#include "vat/live/outgoing.h"
#include "vat/machine/lua544.h"
#include "vat/machine/outside.h"
#include "vat/machine/undo.h"
#include "vat/noun/liveslots.h"
#include "vat/noun/registry.h"
#include "vat/noun/words.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define INSTANCES_MAX 100000 /* that one delivery collects */
#define SHRINK_MIN 1024      /* words put before tables can be worth a look */
#define NODE_SIZE 64         /* at least what a key takes in a table that is filled anew */

/* Words, sorted, in the arena of the delivery. */
struct dead {
    uint64_t *list;
    size_t count;
};

void
garbage_exported(lua_State *L, struct remotable *object, int index)
{
    if (object->pinned || object->noun != NOUN_REMOTABLE)
        return;
    assert(object->known && !object->inner);
    object->pinned = true;
    assert(remotable_is_sound(object));
    if (remotable_is_durable(object)) {
        durable_set_export(L, object->word, EXPORT_REACHABLE);
        return;
    }
    words_pin(L, object->word, index);
}

/* Deliveries of the kernel's collector */

static void
drop_export(lua_State *L, uint64_t word)
{
    bool is_durable = vref_kind((struct vref){word}) == REF_DURABLE;
    if (is_durable)
        durable_set_export(L, word, EXPORT_RECOGNIZABLE);
    if (word == VREF_ROOT.word || !words_push(L, word))
        return;
    struct remotable *object = noun_at(L, -1, NOUN_REMOTABLE);
    if (object != NULL) {
        object->pinned = false;
        words_unpin(L, word, !is_durable);
    }
    lua_pop(L, 1);
}

/* The kernel forgets an instance, whose word stays its own. */
static void
retire_instance(lua_State *L, uint64_t word)
{
    durable_set_export(L, word, EXPORT_NONE);
    if (!words_push(L, word))
        return;
    struct remotable *object = noun_at(L, -1, NOUN_REMOTABLE);
    if (object != NULL)
        object->known = object->pinned = false;
    lua_pop(L, 1);
}

/* The kernel forgets the word: an object of this vat gets a new one if it leaves again. */
static void
retire(lua_State *L, uint64_t word, enum noun noun)
{
    if (word == VREF_ROOT.word)
        return;
    if (vref_kind((struct vref){word}) == REF_DURABLE) {
        retire_instance(L, word);
        return;
    }
    if (words_push(L, word)) {
        struct remotable *object = noun_at(L, -1, noun);
        if (object != NULL) {
            object->word = 0;
            object->known = false;
            object->pinned = false;
        }
        lua_pop(L, 1);
    }
    words_forget(L, word);
}

void
garbage_deliver(lua_State *L, const struct delivery *delivery)
{
    for (size_t i = 0; i < delivery->ref_count; i++) {
        uint64_t word = delivery->refs[i].word;
        if (delivery->kind == DELIVER_DROP_EXPORTS)
            drop_export(L, word);
        else if (delivery->kind == DELIVER_RETIRE_EXPORTS)
            retire(L, word, NOUN_REMOTABLE);
        else
            retire(L, word, NOUN_PRESENCE);
    }
}

/* Bringing out the dead */

static int
compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The words of a set that lead to no object any more, sorted. The list lives in the delivery's
   arena. */
static struct dead
find_dead(lua_State *L, int table)
{
    struct dead dead = {NULL, 0};
    size_t room = registry_count(L, table);
    outside_begin();
    dead.list = arena_take(&vat_of(L)->run.arena, room * sizeof *dead.list);
    outside_end();
    registry_push(L, liveslots_of(L)->objects);
    registry_push(L, table);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        lua_Integer word = lua_tointeger(L, -2);
        if (lua_rawgeti(L, -4, word) == LUA_TNIL)
            dead.list[dead.count++] = (uint64_t)word;
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
    assert(dead.count <= room);
    qsort(dead.list, dead.count, sizeof *dead.list, compare);
    return dead;
}

/* Whether the durable space has any row of this prefix: most vats have none, and need not ask for
   each word. */
static bool
has_row(struct vat *vat, const char *name)
{
    struct durable_key prefix;
    struct bytes key;
    struct entry_value value;
    key_open(&prefix, name);
    outside_begin();
    bool any =
        store_seek(vat->durable, key_view(&prefix), &key, &value) && key_has_prefix(key, &prefix);
    outside_end();
    return any;
}

/* Takes out what a durable row names: it is looked at again when no row does. */
static void
spare_named(lua_State *L, int table, struct dead *dead)
{
    if (dead->count == 0 || !has_row(vat_of(L), DURABLE_NAMED))
        return;
    size_t count = 0;
    for (size_t i = 0; i < dead->count; i++) {
        if (durable_is_named(vat_of(L), dead->list[i]))
            registry_clear(L, table, (lua_Integer)dead->list[i]);
        else
            dead->list[count++] = dead->list[i];
    }
    dead->count = count;
}

/* Lists in vat->scratch.unheld the instances that only the heap may hold. */
static void
find_unheld(lua_State *L)
{
    struct vat *vat = vat_of(L);
    struct durable_key prefix;
    struct bytes key;
    struct entry_value value;
    key_open(&prefix, KEY_UNHELD);
    outside_begin();
    buf_clear(&vat->scratch.unheld);
    bool any = store_seek(vat->durable, key_view(&prefix), &key, &value);
    while (any && key_has_prefix(key, &prefix)) {
        struct vref vref = {key_number(key, prefix.size)};
        bool sound = vref_is_valid(vref) && vref_kind(vref) == REF_DURABLE; /* else it is damage */
        if (sound)
            buf_append(&vat->scratch.unheld, &vref.word, sizeof vref.word);
        struct bytes after = key;
        any = store_next(vat->durable, &after, &key, &value);
    }
    outside_end();
}

static void
report(lua_State *L, enum syscall_kind kind, int table, struct dead words)
{
    struct vref *refs = (struct vref *)(void *)words.list;
    if (words.count == 0)
        return;
    struct syscall syscall = {.kind = kind, .refs = refs, .ref_count = words.count};
    outgoing_record(L, &syscall);
    for (size_t i = 0; i < words.count; i++)
        registry_clear(L, table, (lua_Integer)words.list[i]);
}

/* Instances that no row names, nobody outside reaches and the heap does not hold go, and with them
   those that their state alone named. Gives those that the kernel still knows. Instances that name
   each other in a circle stay. */
static struct dead
collect_instances(lua_State *L)
{
    struct vat *vat = vat_of(L);
    struct dead known = {NULL, 0};
    find_unheld(L);
    if (vat->scratch.unheld.size == 0)
        return known;
    outside_begin();
    known.list = arena_take(&vat->run.arena, INSTANCES_MAX * sizeof *known.list);
    outside_end();
    vat->scratch.seeks_dead = true;
    for (size_t at = 0, done = 0; at < vat->scratch.unheld.size && done < INSTANCES_MAX; at += 8) {
        uint64_t word;
        memcpy(&word, vat->scratch.unheld.data + at, sizeof word);
        enum export export = durable_export(vat, word);
        if (words_push(L, word)) {
            lua_pop(L, 1);
        } else if (!durable_is_named(vat, word) && export != EXPORT_REACHABLE &&
                   (export == EXPORT_NONE || !vat->run.applies)) {
            instance_delete(L, word);
            done++;
            if (export == EXPORT_RECOGNIZABLE)
                known.list[known.count++] = word;
        }
    }
    vat->scratch.seeks_dead = false;
    if (known.count > 0)
        qsort(known.list, known.count, sizeof *known.list, compare);
    return known;
}

void
garbage_report(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    assert(words_are_sound(L));
    struct dead instances = collect_instances(L);
    struct dead dead = find_dead(L, ls->imports);
    spare_named(L, ls->imports, &dead);
    if (dead.count > REAP_REPORT_MAX)
        dead.count = REAP_REPORT_MAX;
    report(L, SYSCALL_DROP_IMPORTS, ls->imports, dead);
    report(L, SYSCALL_RETIRE_IMPORTS, ls->imports, dead);
    report(L, SYSCALL_RETIRE_EXPORTS, ls->dropped, find_dead(L, ls->dropped));
    report(L, SYSCALL_RETIRE_EXPORTS, ls->dropped, instances);
}

void
garbage_apply(lua_State *L, struct bytes syscalls)
{
    struct vat *vat = vat_of(L);
    const struct syscall *list = NULL;
    size_t count = 0;
    outside_begin();
    syscalls_decode(syscalls, &vat->run.arena, &list, &count);
    outside_end();
    for (size_t i = 0; i < count; i++) {
        outgoing_record(L, &list[i]);
        for (size_t r = 0; r < list[i].ref_count; r++) {
            bool export = list[i].kind == SYSCALL_RETIRE_EXPORTS;
            if (list[i].kind != SYSCALL_DROP_IMPORTS)
                retire(L, list[i].refs[r].word, export ? NOUN_REMOTABLE : NOUN_PRESENCE);
        }
    }
    collect_instances(L);
}

static void
shrink(lua_State *L, int table)
{
    const struct heap *heap = heap_of(L);
    size_t count = registry_count(L, table);
    if (heap_room(heap) < count * NODE_SIZE)
        return;
    registry_push(L, table);
    lua544_resize(L, count);
    lua_pop(L, 1);
}

/* The work is paid for by the words that were put since. */
void
garbage_shrink(lua_State *L)
{
    struct liveslots *ls = liveslots_of(L);
    if (ls->met < SHRINK_MIN || ls->met / 4 < registry_count(L, ls->objects))
        return;
    int tables[] = {ls->objects, ls->pins, ls->imports, ls->dropped, ls->jobs, ls->rejected,
        ls->exports, ls->turns};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        shrink(L, tables[i]);
    ls->met = registry_count(L, ls->objects);
}

/* Probing: what would die without some of the pins? The caller puts the heap back. */

void
garbage_probe(lua_State *L, struct vat_probe *probe)
{
    struct liveslots *ls = liveslots_of(L);
    for (size_t i = 0; i < probe->export_count; i++)
        registry_clear(L, ls->pins, (lua_Integer)probe->exports[i].word);
    undo_write_all(&vat_of(L)->machine);
    lua_gc(L, LUA_GCCOLLECT);
    for (size_t i = 0; i < probe->import_count; i++) {
        probe->alive[i] = words_push(L, probe->imports[i].word);
        lua_settop(L, 0);
    }
}
