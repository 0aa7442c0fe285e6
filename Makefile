# A single makefile without recursion; every object knows its headers (-MMD).
# `make` builds build/dray; `make help` lists the rest. V=1 shows the commands.

# As many jobs as there are cores, unless -j says another number.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif

NAME    := dray
VERSION := 0.1.0

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man

APT     := gcc make pkg-config libyaml-dev libcurl4-openssl-dev libssh2-1-dev liblua5.4-dev \
           libssl-dev libjansson-dev libcmocka-dev scdoc shellcheck
APT_BED := docker.io openssh-server openssh-client iproute2 iptables debootstrap \
           python3-venv python3 busybox-static unzip binutils curl procps util-linux podman
APT_DEV := clang clang-tidy clang-format libclang-rt-14-dev valgrind

PKGS    := yaml-0.1 libssh2 libcurl lua5.4 libcrypto jansson
comma   := ,
B       := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))

CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wwrite-strings -Wcast-qual -Wpointer-arith -Wformat=2 -Wvla -Wundef \
           -Wno-missing-field-initializers -Wno-overlength-strings $(if $(CI),-Werror)
override CPPFLAGS += -I. -I$(B)/gen -D_GNU_SOURCE
override CFLAGS   += -std=c11 $(WARN) -fno-common -fstack-protector-strong -fPIE \
                     -ffile-prefix-map=$(CURDIR)=. $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
override LDFLAGS  += -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDLIBS  := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
ifdef SAN
override CFLAGS   += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
override LDFLAGS  += -fsanitize=$(SAN)
endif

LIB_SRC := $(sort $(shell find planner executors lua -name '*.c'))
CMD_SRC := $(sort $(wildcard cmd/*.c))
SCRIPTS := $(sort $(shell find planner executors -name '*.sh' -o -name '*.py'))
UNIT    := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/unit/*_test.c)))
obj      = $(patsubst %.c,$(B)/%.o,$(1))
Q       := $(if $(V),,@)

all: $(B)/$(NAME)

$(B)/$(NAME): $(call obj,$(CMD_SRC)) $(B)/lib.a
	$(Q)echo "LD $@"; $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/cmd/main.o: override CPPFLAGS += -DVERSION='"$(VERSION)"'

$(B)/lib.a: $(call obj,$(LIB_SRC))
	$(Q)rm -f $@; $(AR) rcsD $@ $^

$(B)/tests/unit/%_test: $(B)/tests/unit/%_test.o $(B)/lib.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

$(B)/tests/bench/%: $(B)/tests/bench/%.o $(B)/lib.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/%.o: %.c Makefile
	$(Q)mkdir -p $(@D); echo "CC $<"; $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The executors alone, with the sanitizers, for tests/ssh.
DRIVE   := $(patsubst %.c,$(B)/ssh/%.o,tests/ssh/drive.c executors/executor.c planner/spec/secret_ref.c \
           $(patsubst %,executors/io/%.c,loop child file names patience) \
           $(wildcard executors/ssh/*.c executors/program/*.c lua/*.c planner/base/*.c))
SANE    := -fsanitize=address,undefined -fno-sanitize-recover=all
$(B)/ssh/%.o: %.c Makefile
	$(Q)mkdir -p $(@D); $(CC) $(CPPFLAGS) $(CFLAGS) -O1 $(SANE) -MMD -MP -c -o $@ $<
$(B)/ssh/planner/base/scripts.o: $(B)/gen/scripts.inc
$(B)/tests/ssh/drive: $(DRIVE)
	$(Q)mkdir -p $(@D); $(CC) $(CFLAGS) $(LDFLAGS) $(SANE) -o $@ $^ $(LDLIBS)
$(B)/tests/ssh/server: tests/ssh/server.c
	$(Q)mkdir -p $(@D); $(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $<

# limits.def as lines: "= TITLE", "NAME VALUE UNIT REASON".
$(B)/gen/limits.txt: planner/base/limits.def Makefile
	$(Q)mkdir -p $(@D); printf '%s\n' '#define LIMITS(t) = t' '#define LIMIT(n, v, u, w) n v u w' \
	  '#include "$<"' | $(CC) -E -P -I. -xc - | sed 's/" *"/ /g; s/"//g' >$@

# The node side: every script as bytes, {name, text} for planner/base/scripts.c. args.sh precedes
# the scripts that call it, and a line with limits those that use them. Also the two pages that
# `dray hooks api` prints.
PRELUDE := Makefile planner/base/limits.awk $(B)/gen/limits.txt
$(B)/gen/scripts.inc: $(SCRIPTS) docs/lua-api.md docs/dray.lua $(PRELUDE)
	$(Q)for f in $(filter-out $(PRELUDE),$^); do n=$${f##*/}; n=$${n%.sh}; \
	  printf '{"%s", (const char[]){' "$$n"; \
	  { ! grep -q '^args ' $$f || cat planner/base/args.sh; \
	    awk -f planner/base/limits.awk $(B)/gen/limits.txt $$f; cat $$f; } | \
	    od -An -v -tx1 | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'; \
	  printf '0}},\n'; done >$@.new; mv $@.new $@
$(B)/planner/base/scripts.o $(B)/tests/unit/tasks_test.o: $(B)/gen/scripts.inc

-include $(DRIVE:.o=.d)
-include $(patsubst %.c,$(B)/%.d,$(LIB_SRC) $(CMD_SRC) $(wildcard tests/unit/*.c tests/fuzz/*.c))

# ---- tests -------------------------------------------------------------------

# Everything that needs no real engine: see tests/check.sh for the list.
check: $(B)/$(NAME) $(UNIT) $(B)/tests/ssh/drive $(B)/tests/ssh/server layers
	$(Q)DRAY=$(CURDIR)/$(B)/$(NAME) B=$(B) tests/check.sh

# What check leaves out: it proves the same as another test, in another environment or in more
# time.
check-more: $(B)/$(NAME) $(B)/tests/ssh/drive $(B)/tests/ssh/server
	$(Q)TIER=more DRAY=$(CURDIR)/$(B)/$(NAME) B=$(B) tests/check.sh

# The real Ray, vLLM and hf in the test bed, both launchers.
check-engine: $(B)/$(NAME)
	$(Q)DRAY=$(CURDIR)/$(B)/$(NAME) B=$(B) tests/check.sh engine rules

# Only unit and golden tests, for a quick check, with PERCENT of the seeds and one shell.
PERCENT ?= 25
SHELLS  ?= dash
check-fast: $(B)/$(NAME) $(UNIT) layers
	$(Q)SEEDS=$(PERCENT) SHELLS='$(SHELLS)' DRAY=$(CURDIR)/$(B)/$(NAME) B=$(B) tests/check.sh unit golden

WHOLE := PERCENT=100 SHELLS='dash bash busybox'
asan: ; $(Q)$(MAKE) SAN=address,undefined CFLAGS='-O1 -g' $(WHOLE) check-fast
tsan: ; $(Q)$(MAKE) SAN=thread CFLAGS='-O1 -g' $(WHOLE) check-fast
valgrind: $(UNIT)
	$(Q)B=$(B) tests/check.sh valgrind

# make fuzz [SECONDS=60] [FUZZ='lua_value yaml']: all targets, or these, one after another.
SECONDS ?= 60
FUZZ    := $(patsubst tests/fuzz/%_fuzz.c,%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
SEEDS   := $(wildcard tests/fuzz/corpus-*) tests/lua/hostile
fuzz: ; $(Q)$(MAKE) B=build-fuzz CC=clang SAN=fuzzer-no-link,address,undefined CFLAGS='-O1 -g' fuzz-all
fuzz-all: $(FUZZ:%=$(B)/tests/fuzz/%_fuzz)
	$(Q)for f in $(FUZZ); do echo "fuzz $$f"; mkdir -p $(B)/corpus-$$f; \
	  $(B)/tests/fuzz/$${f}_fuzz -max_total_time=$(SECONDS) -max_len=65536 -print_final_stats=1 \
	    -artifact_prefix=$(B)/ $(B)/corpus-$$f $(SEEDS) \
	    >$(B)/$$f.log 2>&1 || { tail -n 30 $(B)/$$f.log; exit 1; }; \
	  grep -E 'number_of_executed|new_units' $(B)/$$f.log; done
$(B)/tests/fuzz/%_fuzz: $(B)/tests/fuzz/%_fuzz.o $(B)/lib.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

bench: $(B)/$(NAME) $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
	$(Q)B=$(B) DRAY=$(CURDIR)/$(B)/$(NAME) tests/bench/run.sh

# Includes go one way, and a third-party header has one home (design rule).
layers:
	$(Q)tests/layers.sh

tidy: $(B)/gen/scripts.inc
	$(Q)bad=0; for f in $(LIB_SRC) $(CMD_SRC); do \
	  v=; [ $$f != cmd/main.c ] || v='-DVERSION=""'; \
	  clang-tidy --quiet $$f -- $(CPPFLAGS) -std=c11 $$v \
	  $(shell pkg-config --cflags $(PKGS) 2>/dev/null) 2>/dev/null || bad=1; done; exit $$bad
	$(Q)find planner executors tests -name '*.sh' -exec shellcheck -x .ci/run .ci/bundle {} +

# ---- everything else -----------------------------------------------------------

# The packages that Debian 12 needs; without root it prints the command.
deps:
	$(Q)if [ "$$(id -u)" = 0 ]; then \
	  dpkg -s $(APT) $(APT_BED) >/dev/null 2>&1 || { apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(APT) $(APT_BED); }; \
	else echo "as root: apt-get install $(APT)"; \
	     echo "for the test bed also: apt-get install $(APT_BED)"; fi

deps-dev: deps
	$(Q)[ "$$(id -u)" != 0 ] || DEBIAN_FRONTEND=noninteractive apt-get install -q -y $(APT_DEV)

# Installs, builds, brings up the test bed with the real programs, serves a model, and chats.
demo:
	$(Q)$(MAKE) --no-print-directory deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)DRAY=$(CURDIR)/$(B)/$(NAME) tests/demo.sh

# Both manual pages are made from the tables in the binary.
man: $(B)/dray.1 $(B)/dray.yaml.5
$(B)/dray.1: $(B)/$(NAME)
	$(Q)$(B)/$(NAME) help -format scdoc | scdoc >$@
$(B)/dray.yaml.5: $(B)/$(NAME)
	$(Q)$(B)/$(NAME) schema -format scdoc | scdoc >$@
# These pages of docs/ are in the tree; a test compares them with the binary.
docs: $(B)/$(NAME)
	$(Q)awk -v page=1 -f planner/base/limits.awk $(B)/gen/limits.txt >docs/limits.md
	$(Q)$(B)/$(NAME) schema -format markdown >docs/spec.md
	$(Q)$(B)/$(NAME) schema >docs/dray.schema.json
	$(Q)$(B)/$(NAME) help -format markdown >docs/commands.md

# The binary together with its libraries: build/dray-bundle.tar.gz.
bundle: $(B)/$(NAME)-bundle.tar.gz
$(B)/$(NAME)-bundle.tar.gz: $(B)/$(NAME) .ci/bundle
	$(Q).ci/bundle $(B)/$(NAME) $(VERSION) $@

install: all man
	install -Dm755 $(B)/$(NAME) $(DESTDIR)$(BINDIR)/$(NAME)
	install -Dm644 $(B)/dray.1 $(DESTDIR)$(MANDIR)/man1/dray.1
	install -Dm644 $(B)/dray.yaml.5 $(DESTDIR)$(MANDIR)/man5/dray.yaml.5

clean: ; rm -rf build build-*

help:
	@echo 'make            build/dray'
	@echo 'make deps       install the needed packages (root), or print the command'
	@echo 'make demo       serve a tiny model with the real programs, and chat with it'
	@echo 'make check      unit, golden, ssh and stand-in end-to-end tests'
	@echo 'make check-more   the tests that check leaves out, which take longer'
	@echo 'make check-engine   end-to-end with the real Ray and vLLM'
	@echo 'make check-fast | asan | tsan | valgrind | fuzz | tidy | layers | bench'
	@echo 'make bundle     build/dray-bundle.tar.gz: runs on any x86-64 Linux with glibc'
	@echo 'make man | docs | install | clean'

.PHONY: all check check-more check-engine check-fast asan tsan valgrind fuzz fuzz-all bench layers tidy deps \
        deps-dev demo man docs bundle install clean help
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
