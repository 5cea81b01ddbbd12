/* The statements by number.
 *
 * A number means its statement for ever: writes are known by it outside of this program's life. So
 * none is changed, and none is used again when its statement goes; a new statement gets the next
 * one. Numbers below 100 are for statements that write, so that those are easily told. */
#ifndef STORE_STATEMENT_H
#define STORE_STATEMENT_H

enum statement {
    /* listings: of whole tables, of one vat, of one thing by its number */
    STATEMENT_LIST_VATS = 100,
    STATEMENT_LIST_CLUSTERS = 101,
    STATEMENT_LIST_OBJECTS = 102,
    STATEMENT_LIST_PROMISES = 103,
    STATEMENT_LIST_QUEUE = 104,
    STATEMENT_LIST_BUNDLES = 105,
    STATEMENT_LIST_IMAGES = 106,
    STATEMENT_LIST_STATS = 107,
    STATEMENT_LIST_CLIST = 108,
    STATEMENT_LIST_VATSTORE = 109,
    STATEMENT_SHOW_OBJECT = 110,
    STATEMENT_SHOW_PROMISE = 111,
    /* the dump, section by section; where "body" stands, the slots come after it */
    STATEMENT_DUMP_COUNTERS = 120,
    STATEMENT_DUMP_VATS = 121,
    STATEMENT_DUMP_CLISTS = 122,
    STATEMENT_DUMP_QUEUE = 123,
    STATEMENT_DUMP_HOLDS = 124,
    STATEMENT_DUMP_VATSTORE = 125,
    STATEMENT_DUMP_DURABLE = 126,
    STATEMENT_DUMP_BUNDLES = 127,
    STATEMENT_DUMP_OBJECTS = 128,  /* number, owner, interface, revoked, of no living vat */
    STATEMENT_DUMP_PROMISES = 129, /* number, state, decider, follows, subscribers, body, slots */
    /* the audit, and the walk over what holds references */
    STATEMENT_AUDIT_COUNTS = 140,   /* kref, reachable, recognizable */
    STATEMENT_AUDIT_SENT = 141,     /* kref of the promise that a message is on its way to */
    STATEMENT_AUDIT_PROBLEMS = 142, /* a sentence */
    STATEMENT_WALK_CLISTS = 143,    /* vat, vref, kref, reachable */
    STATEMENT_WALK_QUEUE = 144,     /* seq, where it is parked, target, result, slots */
    STATEMENT_WALK_PROMISES = 145,  /* number, slots, number of the one followed */
    STATEMENT_WALK_PROMISE = 146,   /* the same of one, by its number */
    STATEMENT_WALK_HOLDS = 147,     /* kind, vat, kref, count */
    STATEMENT_END = 160             /* above all of them */
};

/* The text, and what its arguments are (store/query.h). */
const char *statement_text(enum statement statement);
const char *statement_types(enum statement statement);

#endif
