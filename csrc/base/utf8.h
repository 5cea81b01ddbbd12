/* UTF-8. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/bytes.h"

/* Strict UTF-8: no overlong forms, no surrogates. */
bool utf8_is_valid(struct bytes bytes);

#endif
