/* Ascending lists of numbers, of vats say, each number in it once. */
#ifndef BASE_NUMBERS_H
#define BASE_NUMBERS_H

#include "base/list.h"

struct number_list LIST(uint64_t);

/* Where the number is, or would have to be put. */
size_t numbers_find(const struct number_list *list, uint64_t number);
bool numbers_have(const struct number_list *list, uint64_t number);
bool numbers_add(struct number_list *list, uint64_t number);    /* false: it was there */
bool numbers_remove(struct number_list *list, uint64_t number); /* false: it was not */

#endif
