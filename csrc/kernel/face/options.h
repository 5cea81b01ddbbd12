/* The options of a vat, described once: what each is called, what it may be and what it is when
 * nobody says. Configs, launches, k:create_vat and the manual all take them from here; a new option
 * is a line in options.c and a field of struct vat_settings. */
#ifndef KERNEL_FACE_OPTIONS_H
#define KERNEL_FACE_OPTIONS_H

#include "kernel/kernel.h"

enum option_kind {
    OPTION_FLAG,    /* true or false */
    OPTION_WHOLE,   /* a whole number */
    OPTION_SECONDS, /* kept in microseconds, as are its limits here */
    OPTION_CHOICE,  /* one of the words, kept as its place among them */
};

struct option {
    const char *name; /* also of its column in the table vat, but for time_limit_us */
    enum option_kind kind;
    size_t field, size; /* in struct vat_settings */
    int64_t otherwise;  /* its value when none is given */
    int64_t least, most;
    const char *const *words; /* of a choice; NULL ends them */
    const char *wanted; /* what it must be, for errors; NULL for a choice, whose words say it */
    const char *text;   /* what it means, for the manual */
};

const struct option *options_list(size_t *count); /* in the order of the struct's fields */
/* Sets the field. The value is in the option's range. */
void options_set(struct vat_settings *settings, const struct option *option, int64_t value);

#endif
