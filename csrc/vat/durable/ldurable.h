/* What vat code is given of this room: lstore.c and linstance.c. */
#ifndef VAT_DURABLE_LDURABLE_H
#define VAT_DURABLE_LDURABLE_H

#include "base/bytes.h"
#include "vat/noun/noun.h"

/* Durable tables: vat.vatstore, vat.baggage, and what vat.map and vat.set give. */
enum face_kind { FACE_VATSTORE, FACE_BAGGAGE, FACE_MAP, FACE_SET };
void lstore_open(lua_State *L);
/* number and name: of a collection. */
void lstore_push(lua_State *L, enum face_kind kind, uint64_t number, struct bytes name);
int lstore_range(lua_State *L); /* vat.range(store, prefix) */
/* Why a store cannot be passed; NULL for what a text that names its type says well enough. */
const char *lstore_refusal(const enum noun *store);

/* Instances of kinds, as their own methods and as others see them. */
void linstance_open(lua_State *L);

#endif
