# Moonvat. `make help` lists the targets.

CC = gcc
CFLAGS ?= -O2 -g
LDFLAGS ?=
PREFIX ?= /usr/local
LUA ?= lua5.4
BUILD ?= build
SPEC ?= spec examples
TIME ?= 300
KILLS ?= 1000

PACKAGES = gcc libc6-dev make binutils lua5.4 liblua5.4-dev libsqlite3-dev libsodium-dev lua-lpeg \
	libzstd-dev sqlite3 lua-busted lua-check cppcheck clang-format

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wmissing-prototypes -Wvla -Werror
# CHECK=1 is the build that looks at itself: assertions, and what -DCHECK adds (csrc/state/row.h).
CHECK ?=
FLAGS = -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(WARNINGS) $(SANITIZE) -MMD -MP \
	$(if $(CHECK),-DCHECK,-DNDEBUG)
INCLUDES = -Icsrc -I$(BUILD)/gen -isystem /usr/include/lua5.4
LIBLUA = $(shell $(CC) -print-file-name=liblua5.4.a)

# How values become bytes is the same in vats and in the host: csrc/value is compiled for both.
sources = $(wildcard $(foreach layer,$(1),csrc/$(layer)/*.c csrc/$(layer)/*/*.c))
BASE = $(call sources,base value)
VAT = $(call sources,vat)
KERNEL = $(call sources,store state kernel)
CORE = $(BASE) $(KERNEL) $(call sources,host module)
object = $(patsubst %.c,$(BUILD)/obj/$(1)/%.o,$(2))

CORE_SO = $(BUILD)/lib/moonvat/core.so
VAT_SO = $(BUILD)/lib/moonvat/vat.so
TEST_SO = $(patsubst spec/native/l%.c,$(BUILD)/lib/moonvat/%.so,$(wildcard spec/native/l*.c))
PROGRAM = $(BUILD)/moonvat

ifeq ($(V),1)
say = @:
quiet =
else
say = @printf '  %-5s %s\n' $(1) $(patsubst $(BUILD)/%,%,$(2));
quiet = @
endif

.PHONY: all deps run run-bank test test-run check lint format asan asan-run valgrind soak soak-run \
	fuzz fuzz-run bench repl install uninstall clean help
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAM) $(CORE_SO) $(BUILD)/env ## build build/moonvat and the Lua module

# What a fresh machine lacks; says what it does, and nothing when there is nothing to do.
deps: ## install the Debian packages that are missing
	@missing=; for package in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' \
	    || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then echo "Installing:$$missing"; \
	  if [ "$$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi; \
	  log=$$(mktemp); \
	  if $$as_root sh -c "apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $$missing" >$$log 2>&1 </dev/null; \
	  then rm -f $$log; \
	  else cat $$log; rm -f $$log; echo "Could not install:$$missing"; exit 1; fi; fi

# What building and running need, looked for once in each build folder; nothing is installed.
NEEDED = lua5.4/lua.h=liblua5.4-dev sqlite3.h=libsqlite3-dev sodium.h=libsodium-dev zstd.h=libzstd-dev
MISSING = $(strip $(shell \
	command -v $(firstword $(CC)) >/dev/null || { echo $(CC); exit; }; \
	command -v objcopy >/dev/null || echo binutils; \
	for need in $(NEEDED); do \
	  $(CC) -E -include $${need%=*} -x c /dev/null >/dev/null 2>&1 \
	    || echo $$need | cut -d= -f2; done; \
	$(LUA) -e '' 2>/dev/null || { echo $(LUA); exit; }; \
	$(LUA) -e 'require "lpeg"' 2>/dev/null || echo lua-lpeg))

$(BUILD)/gen/found:
	$(if $(MISSING),$(error Missing: $(MISSING). `make deps` installs the packages that are missing))
	$(quiet)mkdir -p $(@D) && touch $@

$(BUILD)/gen/vlua.h $(BUILD)/gen/libvlua.a &: Makefile | $(BUILD)/gen/found
	$(call say,GEN,libvlua.a)
	$(quiet)mkdir -p $(BUILD)/gen
	$(quiet)nm -g --defined-only $(LIBLUA) | awk 'NF == 3 { print $$3 " vl_" $$3 }' | sort -u \
	  >$(BUILD)/gen/symbols
	$(quiet)awk '$$1 ~ /^(lua_|luaL_|luaopen_)/ { print "#define " $$1 " " $$2 }' \
	  $(BUILD)/gen/symbols >$(BUILD)/gen/vlua.h
	$(quiet)printf '%s\n' 'stderr vl_stderr' 'stdout vl_stdout' 'stdin vl_stdin' \
	  'time vl_time' 'clock vl_clock' >>$(BUILD)/gen/symbols
	$(quiet)objcopy --redefine-syms=$(BUILD)/gen/symbols $(LIBLUA) $(BUILD)/gen/libvlua.a

$(BUILD)/obj/core/%.o: %.c | $(BUILD)/gen/found
	$(call say,CC,$<)
	$(quiet)mkdir -p $(@D)
	$(quiet)$(CC) $(FLAGS) $(CFLAGS) $(INCLUDES) -DPREFIX='"$(PREFIX)"' -c $< -o $@

$(BUILD)/obj/vat/%.o: %.c $(BUILD)/gen/vlua.h
	$(call say,CC,$<)
	$(quiet)mkdir -p $(@D)
	$(quiet)$(CC) $(FLAGS) $(CFLAGS) $(INCLUDES) -include vlua.h -ffile-prefix-map=$(BUILD)=build \
	  -ffile-prefix-map=$(CURDIR)=. -c $< -o $@

# The vat layer, linked where its saved pointers stay true: see ARCHITECTURE.md, "The vat layer".
$(VAT_SO): $(call object,vat,$(BASE) $(VAT)) $(BUILD)/gen/libvlua.a
	$(call say,LINK,$@)
	$(quiet)mkdir -p $(@D)
	$(quiet)$(CC) -shared $(SANITIZE) $(LDFLAGS) -o $@ $^ -lm -lrt -Wl,--exclude-libs,ALL \
	  -Wl,-z,now,-z,relro,-z,nodelete -Wl,-z,max-page-size=4096 -Wl,--build-id \
	  -Wl,-Ttext-segment=0x200000000000 -Wl,-soname,vat.so

$(CORE_SO): $(call object,core,$(CORE)) $(VAT_SO)
	$(call say,LINK,$@)
	$(quiet)$(CC) -shared $(SANITIZE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(VAT_SO) -lsqlite3 -lsodium -lzstd \
	  -lm -Wl,-z,nodelete -Wl,-rpath,'$$ORIGIN'

# What the specs reach inside with: csrc/vat through test.so, csrc/state and kernel through
# kerneltest.so.
$(BUILD)/lib/moonvat/%.so: $(BUILD)/obj/core/spec/native/l%.o \
    $(call object,core,$(BASE) $(KERNEL)) $(VAT_SO)
	$(call say,LINK,$@)
	$(quiet)$(CC) -shared $(SANITIZE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(VAT_SO) -lsqlite3 \
	  -Wl,-z,nodelete -Wl,-rpath,'$$ORIGIN'

$(PROGRAM): $(call object,core,csrc/program/main.c) $(CORE_SO)
	$(call say,LINK,$@)
	$(quiet)$(CC) $(SANITIZE) $(LDFLAGS) -o $@ $(filter %.o,$^) -llua5.4

$(BUILD)/env: Makefile
	$(quiet)mkdir -p $(@D)
	$(quiet)printf 'export LUA_PATH="%s/lua/?.lua;%s/lua/?/init.lua;;"\nexport LUA_CPATH="%s/lib/?.so;;"\n' \
	  '$(CURDIR)' '$(CURDIR)' '$(abspath $(BUILD))' >$@

run: deps ## run the bank example; run it again and it goes on
	$(quiet)$(MAKE) --no-print-directory run-bank

run-bank: all
	$(quiet)$(PROGRAM) run examples/bank/bank.lua --db $(BUILD)/bank.db
	$(quiet)$(PROGRAM) call $(BUILD)/bank.db teller business_day

repl: all ## inspect and drive the bank example's kernel
	$(quiet)test -f $(BUILD)/bank.db || $(PROGRAM) run examples/bank/bank.lua --db $(BUILD)/bank.db
	$(quiet)$(PROGRAM) repl $(BUILD)/bank.db

# The build that is released; `make check` runs the specs in one that looks at itself.
test: deps ## run the specs; SPEC=path for some
	$(quiet)$(MAKE) --no-print-directory test-run

test-run: all $(TEST_SO)
	$(quiet). ./$(BUILD)/env && $(LUA) spec/support/run.lua $(SPEC)

# The same specs on a build that stops at the first bad access or undefined operation.
asan: deps ## run the specs under ASan and UBSan
	$(quiet)$(MAKE) --no-print-directory CHECK=1 BUILD=$(BUILD)/asan CFLAGS='-O1 -g' \
	  SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer' \
	  PRELOAD='$(shell $(CC) -print-file-name=libasan.so) $(shell $(CC) -print-file-name=libubsan.so)' \
	  asan-run SPEC='$(SPEC)'

asan-run: all $(TEST_SO)
	$(quiet). ./$(BUILD)/env && \
	  ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 MOONVAT_SLOW=10 \
	  LD_PRELOAD='$(PRELOAD)' $(LUA) spec/support/run.lua $(SPEC)

# The plain build but for one note to valgrind (csrc/vat/machine/sandbox.c); it may not leak either.
VALGRIND_PACKAGES = valgrind libc6-dbg
VALGRIND = valgrind --quiet --error-limit=no --leak-check=full --show-leak-kinds=definite,possible \
	--errors-for-leak-kinds=definite,possible --num-callers=30 --keep-debuginfo=yes \
	--suppressions=spec/support/valgrind.supp --error-exitcode=99
# Of the vat layer and the whole what does not take most of an hour: SPEC= names the others.
VALGRIND_LONG = confined hostile_scripts machine/limit durable/rows durable/rows_random durable/store
VALGRIND_SPEC = spec/base spec/value spec/store spec/state spec/kernel \
	$(filter-out $(VALGRIND_LONG:%=spec/vat/%_spec.lua), \
	  $(wildcard spec/vat/*_spec.lua spec/vat/*/*_spec.lua)) \
	$(addprefix spec/conformance/,life promises services_spec.lua timer_spec.lua values_spec.lua)

valgrind: ## run the core's specs under valgrind, and count leaks as failures
	$(quiet)$(MAKE) --no-print-directory deps PACKAGES='$(PACKAGES) $(VALGRIND_PACKAGES)'
	$(quiet)UNDER='$(VALGRIND)' MOONVAT_SLOW=30 $(MAKE) --no-print-directory \
	  BUILD=$(BUILD)/valgrind CFLAGS='$(CFLAGS) -DMEMCHECK' test-run \
	  SPEC='$(if $(filter file,$(origin SPEC)),$(VALGRIND_SPEC),$(SPEC))'

soak: deps ## kill it KILLS times under load, play random histories for TIME seconds
	$(quiet)$(MAKE) --no-print-directory CHECK=1 BUILD=$(BUILD)/check soak-run

soak-run: all $(TEST_SO)
	$(quiet). ./$(BUILD)/env && KILLS=$(KILLS) TIME=$(TIME) $(LUA) spec/soak.lua

bench: all ## measure; the figures are explained in bench/README.md
	$(quiet)$(PROGRAM) bench

# Each file of spec/fuzz but fuzz.h and run.lua is a target: the C ones for libFuzzer, with clang in
# a build of their own, the Lua ones generators, with the module of the build that looks at itself.
# Empty bytes may have no address, and clang would object to adding 0 to it; an access out of bounds
# is found by its address. Only gcc says by a macro that it sanitizes.
FUZZ_TIME ?= 20
FUZZ ?=
LUA_BUILD ?= $(BUILD)
FUZZ_PACKAGES = clang libclang-rt-14-dev
FUZZ_PROGRAMS = $(patsubst spec/fuzz/%.c,$(BUILD)/%,$(wildcard spec/fuzz/*.c))

fuzz: ## fuzz each target for FUZZ_TIME seconds (20); FUZZ=name for one
	$(quiet)$(MAKE) --no-print-directory deps PACKAGES='$(PACKAGES) $(FUZZ_PACKAGES)'
	$(quiet)$(MAKE) --no-print-directory CHECK=1 BUILD=$(BUILD)/check all
	$(quiet)$(MAKE) --no-print-directory CHECK=1 BUILD=$(BUILD)/fuzz CC=clang \
	  CFLAGS='-O1 -g -fsanitize=fuzzer-no-link -D__SANITIZE_ADDRESS__' \
	  SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined \
	  -fno-sanitize=pointer-overflow -fno-omit-frame-pointer' fuzz-run FUZZ='$(FUZZ)' \
	  LUA_BUILD=$(BUILD)/check

$(FUZZ_PROGRAMS): $(BUILD)/%: $(BUILD)/obj/core/spec/fuzz/%.o $(call object,core,$(CORE)) $(VAT_SO)
	$(call say,LINK,$@)
	$(quiet)$(CC) -fsanitize=fuzzer $(SANITIZE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(VAT_SO) \
	  $(LIBLUA) -lsqlite3 -lsodium -lzstd -lm -ldl -Wl,-rpath,'$$ORIGIN/lib/moonvat'

fuzz-run: $(FUZZ_PROGRAMS)
	$(quiet). ./$(LUA_BUILD)/env && FUZZ_TIME=$(FUZZ_TIME) $(LUA) spec/fuzz/run.lua $(BUILD) $(FUZZ)

C_FILES = $(wildcard csrc/*/*.[ch] csrc/*/*/*.[ch] spec/native/*.[ch] spec/fuzz/*.[ch])

lint: deps ## luacheck, cppcheck, clang-format
	$(quiet)luacheck --quiet lua spec vats examples bench
	$(quiet)cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	  --error-exitcode=1 -Icsrc --suppress=missingInclude csrc
	$(quiet)clang-format --dry-run -Werror $(C_FILES)

format: deps ## lay out the C files
	$(quiet)clang-format -i $(C_FILES)

check: lint ## all of it: the linters, the specs in a CHECK build, and under ASan and UBSan
	$(quiet)$(MAKE) --no-print-directory CHECK=1 BUILD=$(BUILD)/check test
	$(quiet)$(MAKE) --no-print-directory asan

LUA_SHARE = $(DESTDIR)$(PREFIX)/share/lua/5.4
LUA_LIB = $(DESTDIR)$(PREFIX)/lib/lua/5.4/moonvat

install: all ## install below PREFIX (/usr/local)
	$(quiet)install -d $(DESTDIR)$(PREFIX)/bin $(LUA_LIB) $(DESTDIR)$(PREFIX)/share/moonvat/vats \
	  $(DESTDIR)$(PREFIX)/share/man/man1
	$(quiet)install $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/moonvat
	$(quiet)install -m 644 $(CORE_SO) $(VAT_SO) $(LUA_LIB)
	$(quiet)cd lua && find moonvat -name '*.lua' ! -name '*.d.lua' \
	  -exec install -D -m 644 {} $(abspath $(LUA_SHARE))/{} \;
	$(quiet)install -m 644 vats/*.lua $(DESTDIR)$(PREFIX)/share/moonvat/vats
	$(quiet)install -m 644 csrc/program/moonvat.1 $(DESTDIR)$(PREFIX)/share/man/man1

uninstall: ## remove what install put there
	$(quiet)rm -rf $(DESTDIR)$(PREFIX)/bin/moonvat $(LUA_LIB) $(LUA_SHARE)/moonvat \
	  $(DESTDIR)$(PREFIX)/share/moonvat $(DESTDIR)$(PREFIX)/share/man/man1/moonvat.1

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

clean: ## remove what was built
	$(quiet)rm -rf $(BUILD)

-include $(wildcard $(addprefix $(BUILD)/obj/,*/*/*/*.d */*/*/*/*.d))
