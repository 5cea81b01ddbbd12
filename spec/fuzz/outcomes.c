/* Made-up outcomes given to the kernel: it applies each whole or refuses it, and goes on.
 *
 * Two kernels play the same game. What the second one is told of a refused outcome is only that it
 * was refused, so whatever a refused outcome left behind shows as a difference. After every crank:
 * the audit is empty; a vat imports nothing that it was not given; what it cannot name has no more
 * references than before. In some games the second kernel is closed and opened again. */
#include "again.h"
#include "base/read.h"
#include "kernel/look/audit.h"
#include "kernel/look/dump.h"
#include "madeup.h"
#include "state/bundle.h"
#include "state/clist.h"
#include "state/counter.h"
#include "state/object.h"
#include "state/state.h"
#include "state/vat_record.h"
#include "state/vatstore.h"

#include <string.h>

#define VATS 4
#define OBJECTS_MAX 512

int LLVMFuzzerInitialize(int *count, char ***arguments);

/* No input needs the disk's word: SQLite finds these before those of the C library. */
__attribute__((visibility("default"))) int
fsync(int file)
{
    (void)file;
    return 0;
}

__attribute__((visibility("default"))) int
fdatasync(int file)
{
    (void)file;
    return 0;
}

/* What may be seen after a crank */

/* Objects' counts as a crank found them. */
struct view {
    uint64_t objects;
    int64_t reachable[OBJECTS_MAX], recognizable[OBJECTS_MAX];
};

static bool
is_known(const struct game *game, struct kref kref)
{
    for (size_t i = 0; i < game->vrefs.count; i++) {
        if (kref_equal(game->krefs[i], kref))
            return true;
    }
    return false;
}

static void
look(struct game *game, struct view *view)
{
    struct state *state = state_of(game, 0);
    list_free(&game->vrefs);
    clist_vrefs(state, game->vat, SIZE_MAX, &game->vrefs);
    game->krefs = arena_take(&game->arena, game->vrefs.count * sizeof *game->krefs);
    for (size_t i = 0; i < game->vrefs.count; i++)
        game->krefs[i] = clist_by_vref(state, game->vat, game->vrefs.items[i])->kref;
    view->objects = counter_last(state, COUNTER_OBJECT);
    for (uint64_t id = 1; id <= view->objects && id < OBJECTS_MAX; id++) {
        const struct object *object = object_get(state, id);
        view->reachable[id] = object == NULL ? 0 : object->reachable;
        view->recognizable[id] = object == NULL ? 0 : object->recognizable;
    }
}

static void
check_authority(struct game *game, const struct view *view)
{
    struct state *state = state_of(game, 0);
    struct vref_list vrefs = {0};
    clist_vrefs(state, game->vat, SIZE_MAX, &vrefs);
    for (size_t i = 0; i < vrefs.count; i++) {
        struct kref kref = clist_by_vref(state, game->vat, vrefs.items[i])->kref;
        if (vref_is_import(vrefs.items[i]) && !is_known(game, kref))
            FUZZ_FAIL("the vat has made itself an import");
    }
    list_free(&vrefs);
    for (uint64_t id = 1; id <= view->objects && id < OBJECTS_MAX; id++) {
        const struct object *object = object_get(state, id);
        if (object == NULL || is_known(game, kref_object(id)))
            continue;
        FUZZ_CHECK(object->reachable <= view->reachable[id]);
        FUZZ_CHECK(object->recognizable <= view->recognizable[id]);
    }
}

static void
check_kernel(struct game *game, int which)
{
    struct buf text = {0};
    if (kernel_stopped(game->kernels[which]) != NULL)
        FUZZ_FAIL("the kernel stopped: %s", kernel_stopped(game->kernels[which]));
    kernel_audit(game->kernels[which], &text);
    if (text.size > 0)
        FUZZ_FAIL("the audit of kernel %d says:\n%s", which + 1, buf_string(&text));
    buf_free(&text);
}

static void
compare(struct game *game)
{
    struct buf texts[2] = {0};
    check_kernel(game, 1);
    for (int i = 0; i < 2; i++)
        kernel_dump(game->kernels[i], &texts[i]);
    if (!bytes_equal(buf_view(&texts[0]), buf_view(&texts[1])))
        FUZZ_FAIL("a refused outcome left something behind:\n%s\nwithout it:\n%s",
            buf_string(&texts[0]), buf_string(&texts[1]));
    for (int i = 0; i < 2; i++)
        buf_free(&texts[i]);
    game->refused = false;
}

static void
check_kernels(struct game *game)
{
    check_kernel(game, 0);
    if (game->refused)
        compare(game);
}

/* Cranks */

/* What the second kernel is told of an outcome that the first one refused. */
static struct outcome
refused(struct game *game, const struct outcome *outcome)
{
    const struct vat_record *vat = vat_record_get(state_of(game, 0), game->vat);
    const char *fault = vat->fault == NULL ? "" : (const char *)vat->fault->body;
    buf_clear(&game->changes);
    if (outcome->fault != VAT_OK)
        return (struct outcome){.fault = outcome->fault, .reason = outcome->reason};
    struct syscall wrong = {.kind = SYSCALL_SUBSCRIBE, .target = vref_import(REF_PROMISE, 1 << 30)};
    const struct syscall *list, *last = &wrong;
    size_t count;
    if (strcmp(fault, "the vat ended itself with a failure") == 0) {
        FUZZ_CHECK(syscalls_decode(outcome->syscalls, &game->arena, &list, &count));
        for (size_t i = 0; i < count; i++) {
            if (list[i].kind == SYSCALL_EXIT)
                last = &list[i];
        }
    }
    buf_clear(&game->body);
    syscall_encode(&game->body, last);
    return (struct outcome){.syscalls = buf_view(&game->body)};
}

static bool
finish(struct game *game, int which, bool upgrade, const struct outcome *outcome)
{
    const char *reason;
    if (upgrade)
        return kernel_upgrade_finish(game->kernels[which], outcome, &reason);
    return crank_finish(game->kernels[which], outcome);
}

/* False when there is nothing to do. */
static bool
crank(struct game *game)
{
    struct crank cranks[2];
    enum crank_step step = crank_begin(game->kernels[0], 0, &cranks[0]);
    FUZZ_CHECK(crank_begin(game->kernels[1], 0, &cranks[1]) == step);
    if (step == CRANK_IDLE)
        game->reaping = false;
    if (step != CRANK_DELIVER && step != CRANK_UPGRADE)
        return step == CRANK_DONE;
    FUZZ_CHECK(cranks[0].vat == cranks[1].vat);
    FUZZ_CHECK(bytes_equal(cranks[0].delivery, cranks[1].delivery));
    struct view view;
    game->vat = cranks[0].vat;
    look(game, &view);
    struct outcome outcome = any_outcome(game);
    bool upgrade = step == CRANK_UPGRADE;
    bool kept = finish(game, 0, upgrade, &outcome);
    game->refused = game->refused || !kept;
    if (kept)
        check_authority(game, &view);
    else if (!upgrade)
        outcome = refused(game, &outcome);
    FUZZ_CHECK(finish(game, 1, upgrade, &outcome) == kept);
    return true;
}

/* The host */

static struct kref
any_kref(struct game *game)
{
    struct kref kref = kernel_root(game->kernels[0], choose(game->input, VATS) + 1);
    if (!kref_is_none(kref) && !rarely(game->input, 3))
        return kref;
    uint64_t last = counter_last(state_of(game, 0), COUNTER_OBJECT);
    for (uint64_t id = choose(game->input, (size_t)last + 1) + 1; id <= last; id++) {
        if (kernel_exists(game->kernels[0], kref_object(id)) &&
            kernel_exists(game->kernels[1], kref_object(id)))
            return kref_object(id);
    }
    return kref;
}

static void
host_send(struct game *game)
{
    struct kref target = any_kref(game);
    struct kref argument = any_kref(game);
    if (kref_is_none(target) || kref_is_none(argument))
        return;
    struct buf body = {0};
    cbor_head(&body, CBOR_ARRAY, 1);
    cbor_head(&body, CBOR_TAG, CBOR_TAG_OBJECT);
    cbor_head(&body, CBOR_ARRAY, 2);
    cbor_head(&body, CBOR_UNSIGNED, 0);
    cbor_string(&body, bytes_of(""));
    for (int i = 0; i < 2; i++) {
        struct blob *value = blob_new(buf_view(&body), &argument, 1);
        kernel_release(
            game->kernels[i], kernel_send(game->kernels[i], target, bytes_of("m"), value));
        blob_drop(value);
    }
    buf_free(&body);
}

/* What the host asked for goes with its process: the first kernel would go on reaping alone. */
static void
reopen(struct game *game)
{
    char *error = NULL;
    if (game->path[0] == 0 || game->reaping)
        return;
    FUZZ_CHECK(state_commit(state_of(game, 1)));
    kernel_close(game->kernels[1]);
    game->kernels[1] = kernel_open(game->path, DB_WRITE, &error);
    if (game->kernels[1] == NULL)
        FUZZ_FAIL("it cannot be opened again: %s", error);
}

static void
host_acts(struct game *game)
{
    uint64_t vat = choose(game->input, VATS) + 1;
    size_t what = choose(game->input, 16);
    struct kref kref = what == 2 || what == 3 ? any_kref(game) : KREF_NONE;
    for (int i = 0; i < 2; i++) {
        struct kernel *kernel = game->kernels[i];
        const struct vat_record *record = vat_record_get(kernel_state(kernel), vat);
        bool lives = record != NULL && record->state != VAT_TERMINATED;
        if (what == 0 && lives)
            kernel_release(kernel, kernel_send_upgrade(kernel, vat, bytes_of(""), NULL));
        else if (what == 1)
            kernel_terminate_vat(kernel, vat, "told to");
        else if (what == 2 && !kref_is_none(kref))
            kernel_pin(kernel, kref);
        else if (what == 3 && !kref_is_none(kref))
            kernel_unpin(kernel, kref);
        else if (what == 4)
            kernel_suspend_vat(kernel, vat);
        else if (what == 5)
            kernel_reap_all(kernel);
        else if (what == 6 || what == 7)
            kernel_resume_vat(kernel, vat);
    }
    game->reaping = game->reaping || what == 5;
    if (what == 8)
        reopen(game);
    else if (what > 8)
        host_send(game);
}

/* Games */

static void
start(struct game *game, size_t settings)
{
    for (int i = 0; i < 2; i++) {
        struct kernel *kernel = game->kernels[i];
        struct vat_spec spec = {.name = bytes_of("vat"), .bundle = bytes_of("b")};
        spec.settings = (struct vat_settings){.transcript = true,
            .time_limit_us = 1000000,
            .memory_limit = 1 << 20,
            .on_fault = (enum fault_policy)(settings % 3),
            .reap_interval = (int64_t)(settings / 3 % 4),
            .snapshot_interval = 500};
        struct kref root = kernel_root(kernel, 1);
        spec.parameters = blob_new(bytes_of("\x81\x80"), &root, kref_is_none(root) ? 0 : 1);
        struct crank crank;
        const char *reason;
        struct outcome outcome = {.interface = bytes_of("Root")};
        bundle_store(kernel_state(kernel), bytes_of("b"), bytes_of("b"), 1, bytes_of("b"));
        kernel_start_begin(kernel);
        kernel_start_vat(kernel, &spec, 0, &crank);
        FUZZ_CHECK(kernel_start_finish(kernel, &outcome, &reason));
        kernel_start_end(kernel, true);
        blob_drop(spec.parameters);
    }
}

/* Every durable row that a vat left behind can be read again. */
static void
read_rows(struct game *game)
{
    struct buf body = {0}, slots = {0};
    for (int i = 0; i < 2; i++) {
        for (uint64_t vat = 1; vat <= VATS; vat++) {
            FUZZ_CHECK(state_commit(state_of(game, i)));
            for (size_t key = 0; key < 256; key++) {
                uint8_t byte = (uint8_t)key;
                if (!game->changed[byte])
                    continue;
                vatstore_get(
                    state_of(game, i), vat, SPACE_DURABLE, (struct bytes){&byte, 1}, &body, &slots);
            }
        }
    }
    buf_free(&body);
    buf_free(&slots);
}

static void
play(struct game *game)
{
    for (size_t i = 0; i < VATS; i++)
        start(game, choose(game->input, 12));
    for (int i = 0; i < 60 && game->input->at < game->input->end; i++) {
        if (choose(game->input, 4) == 0 || !crank(game))
            host_acts(game);
        check_kernels(game);
    }
    for (int i = 0; i < 100 && crank(game); i++)
        check_kernels(game);
    read_rows(game);
    check_kernel(game, 0);
    compare(game);
}

/* The databases in memory that all games use. */
int
LLVMFuzzerInitialize(int *count, char ***arguments)
{
    struct kernel *kernels[2];
    char *error = NULL;
    (void)count;
    (void)arguments;
    again_begin();
    for (int i = 0; i < 2; i++)
        kernels[i] = kernel_open(":memory:", DB_WRITE, &error);
    for (int i = 0; i < 2; i++)
        kernel_close(kernels[i]);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader input = reader_of((struct bytes){data, size});
    struct game game = {.input = &input, .next = 1};
    char *error = NULL;
    if (rarely(&input, 16))
        fuzz_path(game.path, sizeof game.path, "outcomes");
    game.kernels[0] = kernel_open(":memory:", DB_WRITE, &error);
    game.kernels[1] = kernel_open(game.path[0] == 0 ? ":memory:" : game.path, DB_WRITE, &error);
    if (game.kernels[0] == NULL || game.kernels[1] == NULL)
        FUZZ_FAIL("no kernel: %s", error);
    play(&game);
    for (int i = 0; i < 2; i++)
        kernel_close(game.kernels[i]);
    if (game.path[0] != 0)
        unlink(game.path);
    list_free(&game.vrefs);
    arena_free(&game.arena);
    buf_free(&game.syscalls);
    buf_free(&game.changes);
    buf_free(&game.body);
    return 0;
}
