/* Made-up outcomes given to the kernel: it applies each whole or refuses it, and goes on.
 *
 * Two kernels play the same game. What the second one is told of a refused outcome is only that it
 * was refused, so whatever a refused outcome left behind shows as a difference. After every crank:
 * the audit is empty; a vat imports nothing that it was not given; what it cannot name has no more
 * references than before. In some games the second kernel is closed and opened again. */
#include "base/cbor.h"
#include "fuzz.h"
#include "kernel/kernel.h"
#include "state/clist.h"
#include "state/object.h"
#include "state/vatstore.h"

#include <string.h>

#define VATS 4
#define OBJECTS_MAX 512

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

struct game {
    struct kernel *kernels[2];
    struct reader *input;
    char path[512]; /* of the second kernel; empty: it is in memory */
    bool refused;   /* an outcome was, since the kernels were compared */
    uint64_t vat;   /* whose crank it is */
    struct vref *vrefs;
    struct kref *krefs; /* what they stood for when the crank began */
    size_t count;
    uint64_t next; /* the next export's number */
    struct arena arena;
    struct buf syscalls, changes, body;
};

static struct state *
state_of(const struct game *game, int which)
{
    return kernel_state(game->kernels[which]);
}

/* References */

static struct vref
any_vref(struct game *game)
{
    struct reader *input = game->input;
    size_t what = choose(input, 16);
    if (what < 10 && game->count > 0)
        return game->vrefs[choose(input, game->count)];
    if (what < 15) {
        static const enum ref_kind kinds[] = {REF_OBJECT, REF_PROMISE, REF_DURABLE};
        uint64_t number = rarely(input, 4) ? choose(input, 4) : game->next++;
        return vref_export(kinds[choose(input, 3)], number);
    }
    return (struct vref){take_word(input) >> choose(input, 64)};
}

static struct vref
any_promise(struct game *game, bool new)
{
    for (size_t i = 0; i < game->count && !new; i++) {
        struct vref vref = game->vrefs[(i + choose(game->input, 8)) % game->count];
        if (vref_is_promise(vref))
            return vref;
    }
    return rarely(game->input, 16) ? any_vref(game) : vref_export(REF_PROMISE, game->next++);
}

static struct capdata
any_value(struct game *game)
{
    struct reader *input = game->input;
    size_t count = choose(input, 4);
    struct slot *slots = arena_take(&game->arena, count * sizeof *slots);
    buf_clear(&game->body);
    cbor_head(&game->body, CBOR_ARRAY, count);
    for (size_t i = 0; i < count; i++) {
        slots[i].vref = any_vref(game);
        bool promise = vref_is_promise(slots[i].vref);
        if (rarely(input, 4))
            slots[i].interface = take(input, choose(input, 8));
        cbor_head(&game->body, CBOR_TAG, promise ? CBOR_TAG_PROMISE : CBOR_TAG_OBJECT);
        if (!promise)
            cbor_head(&game->body, CBOR_ARRAY, 2);
        cbor_head(&game->body, CBOR_UNSIGNED, rarely(input, 16) ? take_word(input) : i);
        if (!promise)
            cbor_string(&game->body, slots[i].interface);
    }
    struct bytes body = arena_copy(&game->arena, buf_view(&game->body));
    if (rarely(input, 16))
        body = take(input, choose(input, 16));
    return (struct capdata){body, slots, count};
}

/* Outcomes */

static void
any_settlements(struct game *game, struct syscall *syscall)
{
    size_t count = choose(game->input, 3) + 1;
    struct settlement *list = arena_take(&game->arena, count * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i].promise = any_promise(game, rarely(game->input, 3));
        list[i].state = (enum settle_state)(choose(game->input, 3) + 1);
        if (list[i].state == SETTLE_FOLLOW)
            list[i].follow = any_promise(game, rarely(game->input, 3));
        else
            list[i].value = any_value(game);
    }
    syscall->settlements = list;
    syscall->settlement_count = count;
}

static void
any_syscall(struct game *game)
{
    struct reader *input = game->input;
    static const enum syscall_kind kinds[] = {SYSCALL_SEND, SYSCALL_SEND, SYSCALL_RESOLVE,
        SYSCALL_RESOLVE, SYSCALL_SUBSCRIBE, SYSCALL_DROP_IMPORTS, SYSCALL_RETIRE_IMPORTS,
        SYSCALL_RETIRE_EXPORTS, SYSCALL_ABANDON_EXPORTS};
    struct syscall syscall = {.kind = kinds[choose(input, 9)]};
    if (rarely(input, 64))
        syscall.kind = SYSCALL_EXIT;
    switch (syscall.kind) {
    case SYSCALL_SEND:
        syscall.target = any_vref(game);
        syscall.method = take(input, choose(input, 4));
        syscall.value = any_value(game);
        if (!rarely(input, 4))
            syscall.result = any_promise(game, !rarely(input, 16));
        break;
    case SYSCALL_SUBSCRIBE:
        syscall.target = any_promise(game, false);
        break;
    case SYSCALL_RESOLVE:
        any_settlements(game, &syscall);
        break;
    case SYSCALL_EXIT:
        syscall.failure = choose(input, 2) != 0;
        syscall.value = any_value(game);
        break;
    default:
        syscall.ref_count = choose(input, 3) + 1;
        struct vref *refs = arena_take(&game->arena, syscall.ref_count * sizeof *refs);
        for (size_t i = 0; i < syscall.ref_count; i++)
            refs[i] = any_vref(game);
        syscall.refs = refs;
    }
    syscall_encode(&game->syscalls, &syscall);
}

static struct entry_value
any_entry(struct game *game)
{
    struct reader *input = game->input;
    struct entry_value value = {.present = choose(input, 3) != 0};
    if (!value.present)
        return value;
    value.body = take(input, choose(input, 8));
    struct buf slots = {0};
    for (size_t i = choose(input, 3); i > 0; i--)
        buf_number(&slots, any_vref(game).word);
    value.slots = arena_copy(&game->arena, buf_view(&slots));
    buf_free(&slots);
    if (rarely(input, 16))
        value.slots = take(input, choose(input, 8));
    return value;
}

static void
any_change(struct game *game)
{
    struct change change = {.space = (enum change_space)choose(game->input, 2)};
    buf_clear(&game->body);
    if (rarely(game->input, 4)) {
        buf_text(&game->body, choose(game->input, 2) == 0 ? DURABLE_NAMED : DURABLE_WATCHES);
        struct vref vref = any_vref(game);
        for (int i = 7; i >= 0; i--)
            buf_byte(&game->body, (unsigned)(vref.word >> (8 * i)) & 0xff);
    } else {
        struct bytes key = take(game->input, choose(game->input, 4));
        buf_append(&game->body, key.data, key.size);
    }
    change.key = arena_copy(&game->arena, buf_view(&game->body));
    change.before = any_entry(game);
    change.after = any_entry(game);
    change_encode(&game->changes, &change);
}

/* Bytes changed, cut off or added. */
static void
damage(struct reader *input, struct buf *buf)
{
    if (buf->size > 0 && choose(input, 2) == 0)
        buf->data[choose(input, buf->size)] = (uint8_t)choose(input, 256);
    else if (buf->size > 0 && choose(input, 2) == 0)
        buf->size -= choose(input, buf->size) + 1;
    else
        buf_byte(buf, (unsigned)choose(input, 256));
}

static struct outcome
any_outcome(struct game *game)
{
    static const char *const reasons[] = {NULL, "a fault", "delivery exceeded its time limit"};
    struct reader *input = game->input;
    buf_clear(&game->syscalls);
    buf_clear(&game->changes);
    for (size_t i = choose(input, 5); i > 0; i--)
        any_syscall(game);
    for (size_t i = choose(input, 3); i > 0; i--)
        any_change(game);
    if (rarely(input, 16))
        damage(input, &game->syscalls);
    if (rarely(input, 16))
        damage(input, &game->changes);
    struct outcome outcome = {
        .syscalls = buf_view(&game->syscalls), .changes = buf_view(&game->changes)};
    outcome.interface = take(input, choose(input, 4));
    if (rarely(input, 24)) {
        outcome.fault = (enum vat_fault)(choose(input, 5) + 1);
        outcome.reason = reasons[choose(input, 3)];
    }
    return outcome;
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
    for (size_t i = 0; i < game->count; i++) {
        if (kref_equal(game->krefs[i], kref))
            return true;
    }
    return false;
}

static void
look(struct game *game, struct view *view)
{
    struct state *state = state_of(game, 0);
    free(game->vrefs);
    game->vrefs = clist_vrefs(state, game->vat, SIZE_MAX, &game->count);
    game->krefs = arena_take(&game->arena, game->count * sizeof *game->krefs);
    for (size_t i = 0; i < game->count; i++)
        game->krefs[i] = clist_by_vref(state, game->vat, game->vrefs[i])->kref;
    view->objects = state_last(state, COUNTER_OBJECT);
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
    size_t count;
    struct vref *vrefs = clist_vrefs(state, game->vat, SIZE_MAX, &count);
    for (size_t i = 0; i < count; i++) {
        struct kref kref = clist_by_vref(state, game->vat, vrefs[i])->kref;
        if (vref_is_import(vrefs[i]) && !is_known(game, kref))
            FUZZ_FAIL("the vat has made itself an import");
    }
    free(vrefs);
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
    const struct vat_record *vat = vat_get(state_of(game, 0), game->vat);
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
    uint64_t last = state_last(state_of(game, 0), COUNTER_OBJECT);
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

static void
reopen(struct game *game)
{
    char *error = NULL;
    if (game->path[0] == 0)
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
        const struct vat_record *record = vat_get(kernel_state(kernel), vat);
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
    free(game.vrefs);
    arena_free(&game.arena);
    buf_free(&game.syscalls);
    buf_free(&game.changes);
    buf_free(&game.body);
    return 0;
}
