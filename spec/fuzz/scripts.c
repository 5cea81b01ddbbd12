/* Vats of Lua programs that a grammar writes: whatever they do, the vat layer stays whole.
 *
 * The input chooses the productions. Each program gets a start, messages, notifies for what it
 * subscribed to and a bring_out_your_dead, under small limits. After a fault, and after an undo, the
 * heap is as before, byte for byte; the same delivery given again comes out the same; a second vat
 * in the same place has the same heap after each delivery, and one elsewhere asks the same.
 * PRINT=1 prints the program of an input. */
#include <string.h>

#include "base/cbor.h"
#include "base/read.h"
#include "fuzz.h"
#include "vat/vat.h"

#define NODES_MAX 400 /* productions in one program */
#define DEPTH_MAX 9
#define NOTIFIES_MAX 6

/* The grammar: in a production $e is an expression, $a a list of them, $b statements, $v a variable,
   $i an integer, $n a number, $s a string, $f a function, $o an operator, $w a metamethod's name,
   $p a pattern, $t a format, $x a new label. The first of each list is taken when the input ends. */

static const char *const expressions[] = {"$v", "$n", "$s", "$v", "nil", "true", "{}", "$v.x",
    "{ $e, $e, x = $e, [$s] = $e, $e }", "function(...) $b return $a end", "($e $o $e)",
    "($e $o $e)", "(- $n)", "(# $v)", "(not $e)", "(~ $i)", "$v[$e]", "rawget($v, $e)",
    "select($i, $a, ...)", "$f($a)", "$f($a)", "$f($a)", "(function(...) $b return ... end)($a)",
    "setmetatable({ $e }, { $w = $e, $w = $e })", "coroutine.wrap(function(...) $b end)",
    "coroutine.create(function(...) $b return coroutine.yield($a) end)", "$v($a)",
    "string.format($t, $a)", "($s):rep($i % 100)", "($s):rep($i, $s)", "($s):gsub($p, $e)",
    "($s):find($p, $i)", "($s):match($p)", "($s):byte($i, $i)", "($s):sub($i, $i)",
    "string.gsub($e, $p, function(...) $b return $e end)", "table.concat($v, $s)",
    "table.unpack({ $a }, $i, $i)", "load($s)", "load('return ' .. $s)", "Far($s, { x = $e })",
    "Far('F', { x = function(self, ...) $b return $a end })", "E($v):x($a)", "E(x):x($a)",
    "E(self):again($a)", "promise()", "promise.resolve($e)", "promise.reject($e)",
    "promise.all({ $a })", "promise.race({ $a })", "$v:next(function(...) $b return $e end, $e)",
    "promise.resolve($e):next(function(...) $b return $e end)", "await($e)", "await(E(x):x($a))",
    "Error { name = $s, message = $e, x = $e }", "vat.baggage.x", "vat.baggage[$s]",
    "vat.vatstore[$s]", "make({ x = $e, y = $e })", "vat.map('m')", "vat.set('s')",
    "vat.map('m')[$e]", "instance", "instance:swap($e)", "vat.now()", "p", "self", "...",
    "math.type($e)", "utf8.char($i, $i)", "string.pack($t, $a)", "string.unpack($t, $s)"};

static const char *const statements[] = {"$v = $e", "$v = $e", "$v = $e", "$v.x = $e",
    "$v[$e] = $e", "pcall(function(...) $b end)", "pcall(function(...) $v = $e; $v = $e end)",
    "pcall($f, $a)", "if $e then $b else $b end", "local l <const> = $e; $v = l",
    "for i = $n, $n, $n do $v = i; if $e then break end; $b end", "for i = 1, $i % 20 do $b end",
    "for k, w in pairs($v) do $v = w; $b end", "for i, w in ipairs($v) do $v[i] = $e end",
    "for w in ($s):gmatch($p) do $v = w end", "while $e do $b do break end end",
    "do local n = 0; repeat n = n + 1; $b until n > 5 end",
    "for i = 1, 5 do if $e then goto $x end; $b ::$x:: end", "do return $a end", "error($e)",
    "local mt = { $w = $e }; $v = setmetatable({}, mt); mt.$w = $e; mt.$w = $e",
    "pcall(function(...) local c <close> = setmetatable({}, { $w = $e }); $b end)",
    "xpcall(function(...) $b end, function(...) $b return $e end)", "coroutine.yield($a)",
    "$v = coroutine.resume($v, $a)", "pcall($v, $a)", "table.insert($v, $e)",
    "table.insert($v, $i, $e)", "table.remove($v, $i)", "table.move($v, $i, $i, $i)",
    "table.sort($v, function(...) $b return $e end)", "table.sort($v)", "next($v, $e)",
    "rawset($v, $e, $e)", "vat.baggage.x = $e", "vat.baggage[$s] = $e", "vat.vatstore[$s] = $s",
    "vat.vatstore[$s] = nil", "for k, w in pairs(vat.baggage) do $v = w; $b end",
    "for k, w in vat.range(vat.vatstore, $s) do $v = k end", "vat.map('m')[$e] = $e",
    "vat.set('s')[$e] = true", "instance.x = $e", "instance = make({ x = $e })", "print($a)",
    "E.send_only($v):x($a)", "E.send_only(x):x($a)", "vat.watch($v, self, 'again', $a)",
    "vat.watch(p, instance, 'swap', $a)", "if rare then vat.exit($e) end",
    "if rare then vat.exit_with_failure($e) end", "_G.g = $e", "$v = _G[$e]",
    "do local q, yes, no = promise(); $v = q; yes($e); no($e) end",
    "do local q, yes = promise(); $v = q; yes(q) end", "math.randomseed($n); $v = math.random($i)"};

static const char *const functions[] = {"tostring", "tonumber", "type", "assert", "error",
    "getmetatable", "setmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget",
    "rawlen", "rawset", "select", "xpcall", "load", "await", "Far", "Error", "E", "print",
    "require", "promise.all", "promise.is", "coroutine.wrap", "coroutine.create",
    "coroutine.resume", "coroutine.status", "coroutine.isyieldable", "coroutine.running",
    "coroutine.yield", "math.floor", "math.fmod", "math.max", "math.tointeger", "math.ult",
    "math.random", "math.abs", "string.byte", "string.char", "string.find", "string.format",
    "string.gmatch", "string.gsub", "string.len", "string.lower", "string.match", "string.pack",
    "string.packsize", "string.rep", "string.reverse", "string.sub", "string.unpack",
    "string.upper", "table.concat", "table.insert", "table.move", "table.pack", "table.remove",
    "table.sort", "table.unpack", "utf8.char", "utf8.codepoint", "utf8.codes", "utf8.len",
    "utf8.offset", "make", "vat.kind", "vat.map", "vat.set", "vat.range", "vat.watch", "vat.exit"};

static const char *const integers[] = {"1", "0", "2", "3", "-1", "7", "10", "100", "255", "65536",
    "2147483648", "4294967296", "math.maxinteger", "math.mininteger", "9007199254740993", "1000000",
    "(1 << 30)", "-2147483649"};
static const char *const numbers[] = {"1", "0.0", "-0.0", "0.5", "1e308", "2^53", "(0/0)", "(1/0)",
    "-(1/0)", "5e-324", "3.0", "math.pi", "1e15", "0x.1p4", "'10'", "'0x10'"};
static const char *const strings[] = {"'x'", "''", "'y'", "'a b c'", "'\\0'", "'\\xff\\xfe'",
    "'\\u{10FFFF}'", "'é'", "('x'):rep(50)", "('ab'):rep(3000)", "'10'", "'1e1'", "'return ...'",
    "'\\27Lua'", "'o-1'", "'__gc'", "'function() end'", "tostring($e)", "('%5d'):format($i)"};
static const char *const operators[] = {"+", "-", "*", "/", "//", "%", "^", "..", "==", "~=", "<",
    "<=", ">", ">=", "and", "or", "&", "|", "~", "<<", ">>"};
static const char *const metamethods[] = {"__index", "__newindex", "__call", "__eq", "__lt", "__le",
    "__add", "__sub", "__unm", "__len", "__tostring", "__pairs", "__name", "__metatable", "__bnot",
    "__idiv", "__gc", "__mode", "__close", "__concat"};
static const char *const patterns[] = {"'x'", "'.'", "'.-'", "'(.)(.)'", "'%w+'", "'()'", "'%b()'",
    "'%f[%w]'", "'^a*'", "'[^x]*'", "'a-b-c-'", "'%1'", "'[%a-z]'", "'(a(b)c)'", "'%g'", "$s",
    "'(' "};
static const char *const formats[] = {"'%d'", "'%s'", "'%5.2f'", "'%q'", "'%a'", "'%99.99f'",
    "'%c'", "'%x'", "'%i%s'", "'%-10s|'", "'i4'", "'<i8 z'", "'s1'", "'d'", "'j!8'", "'%p'",
    "'%20s'", "'c10'", "$s"};

struct program {
    struct reader *input;
    struct buf text;
    int depth;
    int nodes;
    int labels;
};

static void expand(struct program *program, const char *production);

static void
expand_one(struct program *program, const char *const *list, size_t count)
{
    bool more = program->depth < DEPTH_MAX && program->nodes < NODES_MAX;
    program->depth++;
    program->nodes++;
    expand(program, list[more ? choose(program->input, count) : 0]);
    program->depth--;
}

#define EXPAND(list) expand_one(program, list, sizeof(list) / sizeof *(list))

static void
expand_list(struct program *program)
{
    size_t count = choose(program->input, 4);
    EXPAND(expressions);
    for (size_t i = 1; i < count; i++) {
        buf_text(&program->text, ", ");
        EXPAND(expressions);
    }
}

static void
expand_block(struct program *program)
{
    size_t count = program->depth < DEPTH_MAX ? choose(program->input, 4) : 0;
    for (size_t i = 0; i < count; i++) {
        bool guarded = !rarely(program->input, 4); /* else an error is the end of the rest */
        buf_text(&program->text, guarded ? "pcall(function(...) " : "do ");
        EXPAND(statements);
        buf_text(&program->text, guarded ? " end); " : " end; ");
    }
}

static void
expand_letter(struct program *program, char letter, int label)
{
    switch (letter) {
    case 'a':
        expand_list(program);
        break;
    case 'b':
        expand_block(program);
        break;
    case 'e':
        EXPAND(expressions);
        break;
    case 'f':
        EXPAND(functions);
        break;
    case 'i':
        EXPAND(integers);
        break;
    case 'n':
        EXPAND(numbers);
        break;
    case 'o':
        EXPAND(operators);
        break;
    case 'p':
        EXPAND(patterns);
        break;
    case 's':
        EXPAND(strings);
        break;
    case 't':
        EXPAND(formats);
        break;
    case 'v':
        buf_format(&program->text, "v%zu", choose(program->input, 6));
        break;
    case 'w':
        EXPAND(metamethods);
        break;
    default:
        buf_format(&program->text, "l%d", label);
    }
}

static void
expand(struct program *program, const char *production)
{
    int label = program->labels++;
    for (const char *at = production; *at != 0; at++) {
        if (*at == '$')
            expand_letter(program, *++at, label);
        else
            buf_byte(&program->text, (unsigned char)*at);
    }
}

/* A vat whose root has two methods made by the grammar; the variables outlive a delivery. */
static void
write_program(struct program *program)
{
    buf_text(&program->text,
        "return function(vat, params)\n"
        "local v0, v1, v2, v3, v4, v5 = {}, {}, 'x', 1, print, function(...) return ... end\n"
        "local x, p, self, rare\n"
        "local make = vat.kind('K', { swap = function(self, to) local was = self.x; self.x = to;"
        " return was end })\n"
        "local instance = make({ x = 1 })\n"
        "vat.baggage.x = instance\n"
        "local root = Far('Root', {\nrun = function(self_, x_, p_, ...) self, x, p = self_, x_, "
        "p_\n");
    expand_block(program);
    expand_block(program);
    buf_text(&program->text, "\nend,\nagain = function(self, ...)\n");
    expand_block(program);
    buf_text(&program->text, "\nreturn v0, v1 end })\n");
    expand(program, "pcall(function(...) $b end)\n");
    buf_text(&program->text, "rare = true\nreturn root\nend\n");
}

/* Deliveries */

/* What one vat said, to be compared with what another says. */
struct record {
    struct buf said;
    uint64_t hashes[NOTIFIES_MAX + 8];
    size_t hash_count;
    struct vref waits[NOTIFIES_MAX]; /* promises that it subscribed to */
    size_t wait_count, told;
};

static void
note_outcome(struct record *record, const struct outcome *outcome)
{
    buf_number(&record->said, (uint64_t)outcome->fault);
    buf_bytes(&record->said, outcome->syscalls);
    buf_bytes(&record->said, outcome->changes);
    for (size_t i = 0; i < outcome->log_count; i++)
        buf_bytes(&record->said, outcome->log[i].text);
}

static void
note_waits(struct record *record, struct bytes syscalls)
{
    struct arena arena = {0};
    const struct syscall *list;
    size_t count;
    FUZZ_CHECK(syscalls_decode(syscalls, &arena, &list, &count));
    for (size_t i = 0; i < count; i++) {
        if (list[i].kind == SYSCALL_SUBSCRIBE && record->wait_count < NOTIFIES_MAX)
            record->waits[record->wait_count++] = list[i].target;
    }
    arena_free(&arena);
}

static void
check_changes(struct bytes changes)
{
    struct reader reader = reader_of(changes);
    struct change change;
    while (change_decode(&reader, &change))
        FUZZ_CHECK(change.before.present || change.after.present);
    FUZZ_CHECK(!reader.bad);
}

/* Delivers, undoes, delivers again, keeps. */
static bool
deliver(struct vat *vat, const struct delivery *delivery, struct record *record, bool twice)
{
    struct buf bytes = {0};
    struct outcome outcome;
    delivery_encode(&bytes, delivery);
    uint64_t before = vat_heap_hash(vat);
    uint64_t hash = 0;
    size_t start = record->said.size;
    for (int i = twice ? 0 : 1; i < 2; i++) {
        vat_deliver(vat, buf_view(&bytes), VAT_LIVE, &outcome);
        struct bytes first = {record->said.data + start, record->said.size - start};
        struct record again = {0};
        note_outcome(i == 0 || !twice ? record : &again, &outcome);
        if (i == 1 && twice) {
            FUZZ_CHECK(bytes_equal(first, buf_view(&again.said)));
            FUZZ_CHECK(hash == vat_heap_hash(vat));
            buf_free(&again.said);
        }
        hash = vat_heap_hash(vat);
        if (outcome.fault != VAT_OK)
            FUZZ_CHECK(hash == before && outcome.syscalls.size == 0 && outcome.changes.size == 0);
        if (i == 0)
            vat_undo(vat);
        FUZZ_CHECK(i == 1 || vat_heap_hash(vat) == before);
    }
    bool good = outcome.fault == VAT_OK;
    if (good) {
        note_waits(record, outcome.syscalls);
        check_changes(outcome.changes);
        vat_keep(vat);
    } else {
        vat_undo(vat);
    }
    record->hashes[record->hash_count++] = vat_heap_hash(vat);
    buf_free(&bytes);
    return good;
}

static struct delivery
message(const char *method, uint64_t result, const struct slot *slots)
{
    struct delivery delivery = {.kind = DELIVER_MESSAGE,
        .now = 1e9,
        .target = VREF_ROOT,
        .result = vref_import(REF_PROMISE, result),
        .method = bytes_of(method)};
    static const uint8_t body[] = {0x83, 0xd9, 0xd9, 0xf8, 0x82, 0x00, 0x61, 'X', 0xd9, 0xd9, 0xf9,
        0x01, 0x82, 0x01, 0x61, 'y'};
    delivery.value = (struct capdata){{body, sizeof body}, slots, 2};
    return delivery;
}

static void
notify(struct vat *vat, struct record *record, const struct slot *slots)
{
    static const uint8_t value[] = {0x81, 0x18, 0x2a};
    static const uint8_t object[] = {0x81, 0xd9, 0xd9, 0xf8, 0x82, 0x00, 0x61, 'X'};
    static const uint8_t error[] = {
        0x81, 0xd9, 0xd9, 0xfa, 0xa1, 0x64, 'n', 'a', 'm', 'e', 0x61, 'N'};
    struct settlement settlement = {.promise = record->waits[record->told]};
    size_t what = record->told++ % 3;
    settlement.state = what == 2 ? SETTLE_REJECTED : SETTLE_FULFILLED;
    settlement.value.body = what == 0   ? (struct bytes){value, sizeof value}
                            : what == 1 ? (struct bytes){object, sizeof object}
                                        : (struct bytes){error, sizeof error};
    settlement.value.slots = slots;
    settlement.value.slot_count = what == 1;
    struct delivery delivery = {
        .kind = DELIVER_NOTIFY, .now = 1e9, .settlements = &settlement, .settlement_count = 1};
    deliver(vat, &delivery, record, true);
}

static void
live(const struct program *program, uint64_t number, struct record *record)
{
    struct vat_options options = {
        .number = number, .instruction_budget = 60000, .memory_limit = 1 << 20};
    struct vat_module module = {bytes_of("main.lua"), buf_view(&program->text)};
    const char *reason = NULL;
    struct vat *vat = vat_open(&options, &module, 1, &reason);
    if (vat == NULL)
        FUZZ_FAIL("no vat: %s", reason);
    struct slot slots[] = {
        {vref_import(REF_OBJECT, 1), {NULL, 0}}, {vref_import(REF_PROMISE, 1), {NULL, 0}}};
    struct delivery start = {.kind = DELIVER_START_VAT, .now = 1e9, .name = bytes_of("main")};
    start.value.body = bytes_of("\x81\x80");
    if (deliver(vat, &start, record, false)) {
        struct delivery run = message("run", 2, slots);
        deliver(vat, &run, record, true);
        while (record->told < record->wait_count)
            notify(vat, record, slots);
        struct delivery again = message("again", 3, slots);
        deliver(vat, &again, record, true);
        struct delivery reap = {.kind = DELIVER_BRING_OUT_YOUR_DEAD, .now = 1e9};
        deliver(vat, &reap, record, false);
    }
    vat_close(vat);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader input = reader_of((struct bytes){data, size});
    struct program program = {.input = &input};
    struct record records[3] = {0};
    write_program(&program);
    if (getenv("PRINT") != NULL)
        fprintf(stderr, "%s\n", buf_string(&program.text));
    for (size_t i = 0; i < 3; i++) {
        live(&program, i < 2 ? 1 : 7, &records[i]);
        FUZZ_CHECK(bytes_equal(buf_view(&records[0].said), buf_view(&records[i].said)));
        FUZZ_CHECK(records[0].hash_count == records[i].hash_count);
        for (size_t n = 0; i < 2 && n < records[0].hash_count; n++)
            FUZZ_CHECK(records[0].hashes[n] == records[i].hashes[n]);
    }
    for (size_t i = 0; i < 3; i++)
        buf_free(&records[i].said);
    buf_free(&program.text);
    return 0;
}
