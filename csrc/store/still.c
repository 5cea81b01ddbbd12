#include "store/still.h"

#include "base/buf.h"
#include "base/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether a writer has it, or one before left something to be done. */
static bool
has_company(const char *database)
{
    static const char *const endings[] = {"-lock", "-wal", "-journal"};
    struct buf name = {0};
    bool any = false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings && !any; i++) {
        buf_clear(&name);
        buf_format(&name, "%s%s", database, endings[i]);
        any = access(buf_string(&name), F_OK) == 0;
    }
    buf_free(&name);
    return any;
}

bool
still_begin(struct still *still, const char *database)
{
    if (stat(database, &still->before) != 0 || has_company(database))
        return false;
    still->database = memory_text(database);
    return true;
}

static bool
same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
still_holds(const struct still *still)
{
    struct stat now;
    const struct stat *before = &still->before;
    if (still->database == NULL)
        return true;
    return stat(still->database, &now) == 0 && now.st_ino == before->st_ino &&
           now.st_dev == before->st_dev && now.st_size == before->st_size &&
           same_time(now.st_mtim, before->st_mtim) && same_time(now.st_ctim, before->st_ctim) &&
           !has_company(still->database);
}

void
still_end(struct still *still)
{
    free(still->database);
    still->database = NULL;
}

char *
still_name(const struct still *still)
{
    struct buf name = {0};
    buf_text(&name, still->database[0] == '/' ? "file://" : "file:");
    for (const char *at = still->database; *at != 0; at++) {
        unsigned char byte = (unsigned char)*at;
        if (isalnum(byte) || strchr("/._-", byte) != NULL)
            buf_byte(&name, byte);
        else
            buf_format(&name, "%%%02x", byte);
    }
    buf_text(&name, "?immutable=1");
    char *text = memory_text(buf_string(&name));
    buf_free(&name);
    return text;
}
