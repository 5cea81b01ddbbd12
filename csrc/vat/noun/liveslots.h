/* What the vat's library keeps in the arena. Undoing a delivery undoes it too; what the library
 * records for the kernel lies outside, in struct vat, and is dropped by the next delivery.
 *
 * Each part belongs to the file that is named; others read it. Tables are in the registry, by these
 * references: see registry.h. */
#ifndef VAT_NOUN_LIVESLOTS_H
#define VAT_NOUN_LIVESLOTS_H

#include "vat/machine/heap.h"
#include "vat/machine/lua.h"

struct liveslots {
    /* words.c: see words.h */
    int objects, pins, imports, dropped;
    uint64_t met; /* words put since the tables were last made small, and those kept then */
    /* kind.c, collection.c */
    int kinds;       /* name or number -> kind */
    int collections; /* number -> map or set */
    /* job.c: the jobs are those in between, first included */
    lua_Integer job_first, job_last;
    int jobs; /* pairs: a reaction, and the promise that it is about */
    /* turn.c, dispatch.c */
    int spare;      /* a coroutine at rest, or false */
    int turns;      /* coroutines that await -> where their outcomes go; no nils */
    bool awaiting;  /* the yield on its way out is an await's */
    bool may_await; /* every resume on the C stack can pass an await on */
    bool building;  /* the build function runs */
    /* live_promise.c */
    int rejected; /* promises rejected in this delivery that nobody handled */
    int rejected_count;
    /* slots.c, settled.c */
    int exports; /* settled promises that the kernel has met, to be resolved */
    int export_count;
    uint64_t next_object, next_promise;
    uint64_t fresh;   /* references in this body that the kernel has not met */
    struct encoding { /* of marshalling under protection */
        const char *root;
        bool numbered;
    } encoding;
    /* others */
    int modules;         /* module.c: name -> what require gave; itself while it loads */
    int loading;         /* module.c: main chunks that run */
    int proxy_count;     /* leventual.c: method names whose functions are kept */
    uint32_t delivery;   /* dispatch.c: counts */
    uint64_t watches;    /* watch.c: rows of vat.watch */
    uint64_t collect_at; /* delivering.c: bytes; the heap is collected when more are live */
};

static inline struct liveslots *
liveslots_of(lua_State *L)
{
    return heap_of(L)->ls;
}

#endif
