/* Listings: rows of the database as they are shown, whatever is in memory written before. */
#ifndef KERNEL_FACE_LISTING_H
#define KERNEL_FACE_LISTING_H

#include "kernel/kernel.h"
#include "store/query.h"
#include "store/statement.h"

/* The rows of a statement that lists, for the caller to end; number is what it asks for, and 0 for
   one that asks for all. In a crank, what it does to durable tables and transcripts is not in. */
struct query *kernel_listing(struct kernel *kernel, enum statement statement, int64_t number);

#endif
