/* Records: rows of the durable space that have two integers as body and name nobody. */
#ifndef VAT_DURABLE_RECORD_H
#define VAT_DURABLE_RECORD_H

#include "base/message.h"
#include "vat/durable/key.h"

struct vat;

struct record {
    bool present; /* else both are 0 */
    uint64_t first, second;
};

struct record record_read(const struct entry_value *value);
struct record record_get(struct vat *vat, const struct durable_key *key);
void record_set(struct vat *vat, const struct durable_key *key, uint64_t first, uint64_t second);
void record_delete(struct vat *vat, const struct durable_key *key);
/* Of a counter: counts it up, and gives what it came to. */
uint64_t record_next(struct vat *vat, const struct durable_key *counter);

#endif
