/* What a vat is told to be by who makes it, and how it is. */
#ifndef BASE_VAT_SETTINGS_H
#define BASE_VAT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum vat_state { VAT_RUNNING, VAT_SUSPENDED, VAT_TERMINATED, VAT_FAILED };
enum fault_policy { ON_FAULT_REJECT, ON_FAULT_SUSPEND, ON_FAULT_TERMINATE };

struct vat_settings {
    bool transcript;
    int64_t time_limit_us; /* CPU microseconds in a delivery */
    int64_t instruction_budget;
    int64_t memory_limit; /* bytes */
    enum fault_policy on_fault;
    bool critical;
    int64_t reap_interval;     /* deliveries */
    bool paged;                /* vatstore = "paged" */
    int64_t snapshot_interval; /* deliveries */
};

#endif
