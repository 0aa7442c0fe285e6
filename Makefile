# One makefile, no recursion into folders: every object knows its headers (-MMD).
# `make` builds build/dray; `make help` lists the rest. V=1 shows the commands.

NAME    := dray
VERSION := 0.1.0

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man

APT     := gcc make pkg-config libyaml-dev libcurl4-openssl-dev libssh2-1-dev liblua5.4-dev \
           libssl-dev libjansson-dev libcmocka-dev scdoc shellcheck
APT_BED := docker.io openssh-server openssh-client iproute2 iptables debootstrap \
           python3-venv python3 busybox-static unzip binutils curl procps util-linux
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

LIB_SRC := $(sort $(wildcard planner/*.c planner/*/*.c executors/*.c lua/*.c))
CMD_SRC := $(sort $(wildcard cmd/*.c))
SCRIPTS := $(sort $(wildcard planner/kinds/*.sh executors/*.sh))
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

$(B)/%.o: %.c Makefile
	$(Q)mkdir -p $(@D); echo "CC $<"; $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The node side: every script as bytes, {name, text} for planner/script.c.
$(B)/gen/scripts.inc: $(SCRIPTS) Makefile
	$(Q)mkdir -p $(@D); for f in $(SCRIPTS); do n=$${f##*/}; n=$${n%.sh}; \
	  printf '{"%s", (const char[]){' "$$n"; od -An -v -tx1 $$f | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'; \
	  printf '0}},\n'; done >$@.new; mv $@.new $@
$(B)/planner/script.o: $(B)/gen/scripts.inc

-include $(patsubst %.c,$(B)/%.d,$(LIB_SRC) $(CMD_SRC) $(wildcard tests/unit/*.c))
