/* What the fuzz targets share: choices taken from the input, and how a finding ends the run.
 *
 * A target is a libFuzzer program: LLVMFuzzerTestOneInput is called with one input after the other.
 * Past the end of an input every choice is the first one, so that each input ends. */
#ifndef SPEC_FUZZ_FUZZ_H
#define SPEC_FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run: the input is kept, and its path printed. */
#define FUZZ_FAIL(...)                                                                             \
    do {                                                                                           \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                            \
        fprintf(stderr, __VA_ARGS__);                                                              \
        fputc('\n', stderr);                                                                       \
        abort();                                                                                   \
    } while (0)

#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            FUZZ_FAIL("not so: %s", #condition);                                                   \
    } while (0)

/* Where a target keeps a database of its own; the process before it may have left one there. */
static inline void
fuzz_path(char *path, size_t size, const char *name)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, size, "%s/%s-%d.db", folder == NULL ? "." : folder, name, (int)getpid());
    unlink(path);
}

/* One of count choices, count at least 1. */
static inline size_t
choose(struct reader *input, size_t count)
{
    size_t choice = input->at < input->end ? *input->at++ : 0;
    if (count > 256 && input->at < input->end)
        choice = choice << 8 | *input->at++;
    return choice % count;
}

/* True once in so many. */
static inline bool
rarely(struct reader *input, size_t many)
{
    return choose(input, many) == many - 1;
}

/* The next bytes of the input, at most so many. */
static inline struct bytes
take(struct reader *input, size_t most)
{
    size_t left = (size_t)(input->end - input->at);
    struct bytes bytes = {input->at, most < left ? most : left};
    input->at += bytes.size;
    return bytes;
}

static inline uint64_t
take_word(struct reader *input)
{
    uint64_t word = 0;
    for (int i = 0; i < 8; i++)
        word = word << 8 | choose(input, 256);
    return word;
}

#endif
