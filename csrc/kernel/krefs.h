/* Lists of krefs. */
#ifndef KERNEL_KREFS_H
#define KERNEL_KREFS_H

#include "base/list.h"
#include "base/ref.h"

struct kref_list LIST(struct kref);

/* Sorts those from the one at first on: ascending by word, so by number. */
void krefs_sort(struct kref_list *list, size_t first);

#endif
