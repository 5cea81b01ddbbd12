/* Any text is a reference or none, any word too; what is one prints, and reads back as itself.
 *
 * All texts of up to five characters that a reference may be made of come first. */
#include <string.h>

#include "base/read.h"
#include "base/ref.h"
#include "fuzz.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);

static void
check_vref(struct vref vref)
{
    char text[REF_TEXT_MAX];
    FUZZ_CHECK(vref_is_valid(vref) && !vref_is_none(vref));
    FUZZ_CHECK(vref_equal(vref_parse(bytes_of(vref_print(vref, text))), vref));
    bool import = vref_is_import(vref);
    enum ref_kind kind = vref_kind(vref);
    struct vref again =
        import ? vref_import(kind, vref_number(vref)) : vref_export(kind, vref_number(vref));
    FUZZ_CHECK(vref_equal(again, vref));
}

static void
check_kref(struct kref kref)
{
    char text[REF_TEXT_MAX];
    FUZZ_CHECK(!kref_is_none(kref) && kref_number(kref) > 0);
    FUZZ_CHECK(kref_equal(kref_parse(bytes_of(kref_print(kref, text))), kref));
}

/* A text that reads is the one that is printed: there is one way to write each. */
static void
check_text(struct bytes text)
{
    char printed[REF_TEXT_MAX];
    struct vref vref = vref_parse(text);
    struct kref kref = kref_parse(text);
    FUZZ_CHECK(vref_is_none(vref) || kref_is_none(kref));
    if (!vref_is_none(vref)) {
        check_vref(vref);
        FUZZ_CHECK(bytes_equal(text, bytes_of(vref_print(vref, printed))));
    }
    if (!kref_is_none(kref)) {
        check_kref(kref);
        FUZZ_CHECK(bytes_equal(text, bytes_of(kref_print(kref, printed))));
    }
}

int
LLVMFuzzerInitialize(int *count, char ***arguments)
{
    static const char letters[] = "kopd+-/0129 x\0v";
    (void)count;
    (void)arguments;
    const size_t base = sizeof letters;
    for (size_t length = 0, all = 1; length <= 5; length++, all *= base) {
        for (size_t number = 0; number < all; number++) {
            uint8_t text[5];
            size_t rest = number;
            for (size_t i = 0; i < length; i++, rest /= base)
                text[i] = (uint8_t)letters[rest % base];
            check_text((struct bytes){text, length});
        }
    }
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {data, size};
    check_text(text);
    struct reader input = reader_of(text);
    uint64_t word = take_word(&input) >> choose(&input, 64);
    struct vref vref = {word};
    if (vref_is_valid(vref))
        check_vref(vref);
    char printed[REF_TEXT_MAX];
    FUZZ_CHECK(strlen(vref_print(vref, printed)) < REF_TEXT_MAX);
    FUZZ_CHECK(strlen(kref_print((struct kref){word}, printed)) < REF_TEXT_MAX);
    return 0;
}
