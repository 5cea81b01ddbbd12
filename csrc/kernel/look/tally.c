#include "kernel/look/tally.h"

#include "base/hash.h"
#include "base/memory.h"
#include "kernel/look/walk.h"

#include <assert.h>
#include <stdlib.h>

#define SLOTS_FIRST 64

/* The word's slot, or a free one for it; NULL when there are none. */
static struct tally *
slot_of(const struct tallies *tallies, uint64_t word)
{
    if (tallies->capacity == 0)
        return NULL;
    assert((tallies->capacity & (tallies->capacity - 1)) == 0);
    assert(tallies->count < tallies->capacity);
    size_t at = (size_t)hash_number(word) & (tallies->capacity - 1);
    while (tallies->slots[at].word != 0 && tallies->slots[at].word != word)
        at = (at + 1) & (tallies->capacity - 1);
    return &tallies->slots[at];
}

/* At least half of the slots stay free, so that a look for one ends. */
static void
grow(struct tallies *tallies)
{
    struct tallies old = *tallies;
    tallies->capacity = old.capacity == 0 ? SLOTS_FIRST : 2 * old.capacity;
    tallies->slots = memory_zero(tallies->capacity * sizeof *tallies->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].word != 0)
            *slot_of(tallies, old.slots[i].word) = old.slots[i];
    }
    free(old.slots);
}

/* One that is there stays where it is: the dump changes them in their order. */
struct tally *
tally_of(struct tallies *tallies, struct kref kref)
{
    assert(!kref_is_none(kref));
    struct tally *tally = slot_of(tallies, kref.word);
    if (tally != NULL && tally->word != 0)
        return tally;
    if (tallies->count * 2 >= tallies->capacity) {
        grow(tallies);
        tally = slot_of(tallies, kref.word);
    }
    assert(tally != NULL && tally->word == 0);
    tally->word = kref.word;
    tallies->count++;
    assert(tallies->count * 2 <= tallies->capacity);
    return tally;
}

static void
count_holder(void *context, const struct holder *holder)
{
    struct tally *tally = tally_of(context, holder->kref);
    if (holder->kind == HOLDER_CLIST && !kref_is_promise(holder->kref)) {
        /* the exporter's own entry does not count */
        tally->recognizable += vref_is_import(holder->vref);
        tally->reachable += vref_is_import(holder->vref) && holder->reachable;
        return;
    }
    tally->recognizable += holder->count;
    tally->reachable += holder->count;
    if (holder->kind == HOLDER_HOST)
        tally->host += holder->count;
}

void
tally_holders(struct kernel *kernel, struct tallies *tallies)
{
    walk_holders(kernel, count_holder, tallies);
}

void
tally_free(struct tallies *tallies)
{
    free(tallies->slots);
    *tallies = (struct tallies){0};
}
