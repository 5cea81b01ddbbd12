#include "kernel/face/options.h"

#include <assert.h>
#include <string.h>

#define MANY INT64_C(1000000000000)
#define FIELD(name) offsetof(struct vat_settings, name), sizeof((struct vat_settings *)NULL)->name

static const char *const policies[] = {
    [ON_FAULT_REJECT] = "reject",
    [ON_FAULT_SUSPEND] = "suspend",
    [ON_FAULT_TERMINATE] = "terminate",
    NULL,
};
static const char *const stores[] = {"bulk", "paged", NULL};

static const struct option options[] = {
    {"transcript", OPTION_FLAG, FIELD(transcript), true, false, true, NULL, "true or false",
        "when false, nothing is recorded of it, and each opening is like an upgrade"},
    {"time_limit", OPTION_SECONDS, FIELD(time_limit_us), 1000000, 1000, 86400 * INT64_C(1000000),
        NULL, "a number of seconds from 0.001 to 86400", "CPU time of one delivery, in seconds"},
    {"instruction_budget", OPTION_WHOLE, FIELD(instruction_budget), 0, 0, MANY, NULL,
        "a whole number of instructions, or 0 for no limit",
        "Lua instructions of one delivery; 0 is no limit"},
    {"memory_limit", OPTION_WHOLE, FIELD(memory_limit), 64 << 20, 256 << 10, 1 << 30, NULL,
        "a whole number of bytes from 262144 (256 KiB) to 1073741824 (1 GiB)",
        "bytes of Lua memory"},
    {"on_fault", OPTION_CHOICE, FIELD(on_fault), ON_FAULT_REJECT, ON_FAULT_REJECT,
        ON_FAULT_TERMINATE, policies, NULL, "what follows when a delivery runs over a limit"},
    {"critical", OPTION_FLAG, FIELD(critical), false, false, true, NULL, "true or false",
        "its end stops the kernel"},
    {"reap_interval", OPTION_WHOLE, FIELD(reap_interval), 100, 0, MANY, NULL,
        "a whole number of deliveries, or 0 for never",
        "deliveries until it is asked what it needs no more; 0 is never"},
    {"vatstore", OPTION_CHOICE, FIELD(paged), 0, 0, 1, stores, NULL,
        "whether its durable tables are loaded whole or as they are read"},
    {"snapshot_interval", OPTION_WHOLE, FIELD(snapshot_interval), 500, 0, MANY, NULL,
        "a whole number of deliveries, or 0 for never",
        "deliveries until an image of its heap is saved; 0 is never"},
};

const struct option *
options_list(size_t *count)
{
    *count = sizeof options / sizeof *options;
    return options;
}

void
options_set(struct vat_settings *settings, const struct option *option, int64_t value)
{
    assert(value >= option->least && value <= option->most);
    bool flag = value != 0;
    int word = (int)value;
    const void *from = option->size == sizeof flag   ? (const void *)&flag
                       : option->size == sizeof word ? (const void *)&word
                                                     : (const void *)&value;
    assert(
        option->size == sizeof flag || option->size == sizeof word || option->size == sizeof value);
    memcpy((char *)settings + option->field, from, option->size);
}
