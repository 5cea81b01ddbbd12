/* The statements by number: their texts, and what their arguments are.
 *
 * A number means its statement for ever: writes are known by it outside of this program's life. So
 * none is changed in what it does, and none is used again when its statement goes; a new statement
 * gets a new number. What writes is below 100. A statement that takes some of many takes them in an
 * order, so that it does the same wherever it is done. */
#ifndef STORE_STATEMENT_H
#define STORE_STATEMENT_H

enum statement {
    /* Writes. Those marked + are written from a noun's columns. */
    STATEMENT_VAT_WRITE = 1,     /* + */
    STATEMENT_VAT_RENEW = 2,     /* + */
    STATEMENT_VAT_ERASE = 3,     /* + */
    STATEMENT_OBJECT_WRITE = 4,  /* + */
    STATEMENT_OBJECT_ERASE = 5,  /* + */
    STATEMENT_PROMISE_WRITE = 6, /* + */
    STATEMENT_PROMISE_ERASE = 7, /* + */
    STATEMENT_SUBSCRIBER_ADD = 8,
    STATEMENT_SUBSCRIBER_ERASE = 9,
    STATEMENT_SUBSCRIBER_ERASE_ALL = 10,
    STATEMENT_CLIST_WRITE = 11, /* + */
    STATEMENT_CLIST_ERASE = 12, /* + */
    STATEMENT_QUEUE_WRITE = 13, /* + */
    STATEMENT_QUEUE_ERASE = 14, /* + */
    STATEMENT_HOLD_WRITE = 15,  /* + */
    STATEMENT_HOLD_ERASE = 16,  /* + */
    STATEMENT_VATSTORE_SET = 17,
    STATEMENT_VATSTORE_ERASE = 18,
    STATEMENT_VATSTORE_ERASE_SOME = 19,
    STATEMENT_DURABLE_SET = 20,
    STATEMENT_DURABLE_ERASE = 21,
    STATEMENT_DURABLE_ERASE_SOME = 22,
    STATEMENT_TRANSCRIPT_ADD = 23,
    STATEMENT_TRANSCRIPT_ERASE_SOME = 24,
    STATEMENT_TRANSCRIPT_PRUNE = 25,
    STATEMENT_IMAGE_SET = 26,
    STATEMENT_IMAGE_ERASE = 27,
    STATEMENT_COUNTER_SET = 28,
    STATEMENT_SETTING_SET = 29,
    STATEMENT_SETTING_ERASE = 30,
    STATEMENT_CLUSTER_ADD = 31,
    STATEMENT_CLUSTER_ERASE = 32,
    STATEMENT_SERVICE_ADD = 33,
    STATEMENT_BUNDLE_ADD = 34,
    STATEMENT_BUNDLE_SWEEP = 35,
    STATEMENT_BUNDLE_NAME_SET = 36,
    STATEMENT_VAT_CHANGE = 37, /* + */
    STATEMENT_OPENED_SET = 38,
    /* Transactions, and what the benchmark measures. */
    STATEMENT_BEGIN = 95,
    STATEMENT_BEGIN_WRITING = 96,
    STATEMENT_COMMIT = 97,
    STATEMENT_MEASURE = 98,
    /* Listings: of whole tables, of one vat, of one thing by its number. */
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
    /* The dump, section by section; where "body" stands, the slots come after it. */
    STATEMENT_DUMP_COUNTERS = 120,
    STATEMENT_DUMP_VATS = 121,
    STATEMENT_DUMP_CLISTS = 122,
    STATEMENT_DUMP_QUEUE = 123,
    STATEMENT_DUMP_HOLDS = 124,
    STATEMENT_DUMP_VATSTORE = 125,
    STATEMENT_DUMP_DURABLE = 126,
    STATEMENT_DUMP_BUNDLES = 127,
    STATEMENT_DUMP_OBJECTS = 128,  /* kref, owner, interface, revoked, of no living vat */
    STATEMENT_DUMP_PROMISES = 129, /* kref, state, decider, follows, subscribers, body, slots */
    /* The audit, and the walk over what holds references. */
    STATEMENT_AUDIT_COUNTS = 140,   /* kref, reachable, recognizable */
    STATEMENT_AUDIT_SENT = 141,     /* kref of the promise that a message is on its way to */
    STATEMENT_AUDIT_PROBLEMS = 142, /* a sentence */
    STATEMENT_WALK_CLISTS = 143,    /* vat, vref, kref, reachable */
    STATEMENT_WALK_QUEUE = 144,     /* seq, where it is parked, target, result, slots */
    STATEMENT_WALK_PROMISES = 145,  /* number, slots, kref of the one followed */
    STATEMENT_WALK_PROMISE = 146,   /* the same of one, by its number */
    STATEMENT_WALK_HOLDS = 147,     /* kind, vat, kref, count */
    /* What state loads. Those marked + are written from a noun's columns. */
    STATEMENT_VAT = 160,              /* + */
    STATEMENT_OBJECT = 161,           /* + */
    STATEMENT_PROMISE = 162,          /* + */
    STATEMENT_CLIST_OF_KREF = 163,    /* + */
    STATEMENT_QUEUE_OF_PROMISE = 164, /* + */
    STATEMENT_QUEUE_OF_VAT = 165,     /* + */
    STATEMENT_QUEUE_RUN = 166,        /* + */
    STATEMENT_QUEUE_CALL = 167,       /* + */
    STATEMENT_HOLD = 168,             /* + */
    STATEMENT_CLIST_KREF = 169,
    STATEMENT_CLIST_VREFS = 170,
    STATEMENT_SUBSCRIBERS = 171,
    STATEMENT_PROMISES_FOLLOWING = 172,
    STATEMENT_PROMISES_DECIDED = 173,
    STATEMENT_PROMISES_HOLDING = 174,
    STATEMENT_QUEUE_COUNT_TO_PROMISE = 175,
    STATEMENT_QUEUE_CALLS = 176,
    STATEMENT_QUEUE_WAITING_FOR_END = 177,
    STATEMENT_HOLDS_LEFT_OVER = 178,
    STATEMENT_OBJECTS_UNREACHED = 179,
    STATEMENT_OBJECT_OF_SUBJECT = 180,
    STATEMENT_SUSPECTS = 181,
    STATEMENT_VATS_NAMED = 182,
    STATEMENT_VATS_TO_REBUILD = 183,
    STATEMENT_VATS_WITH_IMAGES = 184,
    STATEMENT_VATS_DELIVERED = 185,
    STATEMENT_VATS_TO_REAP = 186,
    STATEMENT_VATS_ENDING = 187,
    STATEMENT_VATSTORE_FROM = 188,
    STATEMENT_VATSTORE_VALUE = 189,
    STATEMENT_DURABLE_FROM = 190,
    STATEMENT_DURABLE_VALUE = 191,
    STATEMENT_TRANSCRIPT = 192,
    STATEMENT_TRANSCRIPT_BACK = 193,
    STATEMENT_TRANSCRIPT_COUNT = 194,
    STATEMENT_IMAGE = 195,
    STATEMENT_SETTING = 196,
    STATEMENT_SETTINGS_FROM = 197,
    STATEMENT_COUNTERS = 198,
    STATEMENT_CLUSTER_VATS = 199,
    STATEMENT_SERVICE = 200,
    STATEMENT_BUNDLE_SOURCE = 201,
    STATEMENT_BUNDLE_NAMED = 202,
    STATEMENT_VAT_LAST = 203,
    STATEMENT_CLUSTER_LAST = 204,
    STATEMENT_OBJECT_LAST = 205,
    STATEMENT_PROMISE_LAST = 206,
    STATEMENT_QUEUE_LAST = 207,
    STATEMENT_OPENED = 208,
    STATEMENT_END = 256 /* above all of them */
};

/* Types says what each argument is: i int64_t, t const char * (NULL: null), s struct bytes as text,
   b struct bytes as blob. NULL of one that is written from columns: query_define has them. */
const char *statement_text(enum statement statement);
const char *statement_types(enum statement statement);

#endif
