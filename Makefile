# SPDX-License-Identifier: BSD-2-Clause
#
# postern. `make` builds build/postern from what is installed. What is marked with a + first installs what it needs
# (tools/packages; root), so that it works on a machine with only git, make and gcc. `make help` prints these lines:
#
#:  all         build/postern (the default)
#:  run        + guard this host's mail port until Ctrl-C; nothing stays
#:  demo       + the whole story, in network namespaces
#:  test       + all tests; selftests/run has parts of them
#:  fuzz       + every parser of foreign bytes, FUZZ_S seconds each; TARGETS="NAME ..." some of them
#:  soak       + tests that take long
#:  bench      + what it costs, beside ipset and nftables
#:  lint       + format, analysers, the house's rules, the manual against the program
#:  deb        + the Debian package, in build/deb
#:  install, uninstall    under DESTDIR and PREFIX (/usr/local)
#:  clean       remove build/
#:
#:  V=1 prints commands; CC=clang is the other compiler; BUILD=DIR another build directory
#
# Everything is found by its place: a new file in user/*/ or selftests/*/ needs no line here.

CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
STRIP_BPF ?= llvm-strip
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
SBINDIR := $(PREFIX)/sbin
# The program looks for it at ../share/postern from where it lies itself.
DATADIR := $(PREFIX)/share/postern
MANDIR  := $(PREFIX)/share/man
MANPAGES := $(patsubst tools/man/%.in,%,$(wildcard tools/man/*.in))
# Debian 12 has the packages' units in /lib; systemd reads those of /usr/local too.
UNITDIR := $(if $(filter /usr,$(PREFIX)),/lib,$(PREFIX)/lib)/systemd/system
USERDIR := $(PREFIX)/lib/sysusers.d
BASHDIR := $(PREFIX)/share/bash-completion/completions
DOCDIR  := $(PREFIX)/share/doc/postern
ZSHDIR  := $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
# Where it is written in the program (CONF_PATH).
CONFIG  := /etc/postern/postern.conf

LIBRARIES := libbpf libelf zlib libnl-3.0 libnl-route-3.0 libconfig jansson sqlite3 libcares libseccomp openssl libpsl ncursesw

FUZZ_S ?= 60

# Given again by the upgrade test, which needs the same program with another ABI.
DEFINES ?=

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
HARDEN   := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE
INCLUDES := -Iuser -Ibpf -I$(BUILD)
# Lazy, so that make runs (to install packages) before pkg-config can answer; asked once, when first used.
LIB_CFLAGS = $(eval LIB_CFLAGS := $$(shell pkg-config --cflags $(LIBRARIES)))$(LIB_CFLAGS)
LIB_LIBS   = $(eval LIB_LIBS := $$(shell pkg-config --libs $(LIBRARIES)))$(LIB_LIBS)

CFLAGS  ?= -O2 -g
LDFLAGS ?=
# What a compiler or a checker needs to understand a file, without the warnings.
MEANING  = -std=gnu11 -D_GNU_SOURCE $(DEFINES) $(INCLUDES) $(LIB_CFLAGS)
COMPILE  = $(CC) $(MEANING) $(CFLAGS) $(WARNINGS) $(HARDEN) -MMD -MP
LINK     = $(CC) $(CFLAGS) $(LDFLAGS) -pie -Wl,-z,relro,-z,now -Wl,--as-needed

# The directory of asm/types.h, which a compiler for another machine does not look into.
MULTIARCH   := $(shell uname -m)-linux-gnu
BPF_MEANING := -target bpf -std=gnu11 $(DEFINES) -Ibpf -Ivmlinux -I/usr/include/$(MULTIARCH)
BPF_COMPILE  = $(CLANG) $(BPF_MEANING) -mcpu=v3 -g -O2 -Wall -Werror -MMD -MP

# libFuzzer is clang's, whatever compiles the rest; so one build serves both compilers.
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_COMPILE   = $(CLANG) $(MEANING) -O1 -g -fno-omit-frame-pointer $(WARNINGS) $(FUZZ_SANITIZE) -MMD -MP
FUZZ_LINK      = $(CLANG) -g -fsanitize=fuzzer $(FUZZ_SANITIZE) -Wl,--as-needed

USER_SOURCES := $(sort $(wildcard user/*/*.c))
MAIN_OBJECT  := $(BUILD)/user/cli/main.o
USER_OBJECTS := $(filter-out $(MAIN_OBJECT),$(USER_SOURCES:%.c=$(BUILD)/%.o))
# Everything but main, for the tests too: a linker takes from an archive what is asked for.
USER_ARCHIVE := $(BUILD)/user.a
SKELETON     := $(BUILD)/bpf/postern.skel.h

TAP_OBJECT    := $(BUILD)/selftests/tap.o
UNIT_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard selftests/unit/*.c)))
NET_PROGRAMS  := $(patsubst %.c,$(BUILD)/%,$(sort $(filter-out %.bpf.c,$(wildcard selftests/net/*.c))))
TEST_BPF      := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard selftests/*/*.bpf.c)))
PROG_OBJECTS  := $(patsubst %.c,$(BUILD)/%.o,$(sort $(filter-out %.bpf.c,$(wildcard selftests/prog/*.c))))
BENCH_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(sort $(filter-out %.bpf.c,$(wildcard selftests/bench/*.c))))
FUZZ_PROGRAMS := $(patsubst selftests/fuzz/%.c,$(BUILD)/fuzz/%,$(sort $(wildcard selftests/fuzz/*.c)))
FUZZ_ARCHIVE  := $(BUILD)/fuzz/user.a
PROG_PROGRAM  := $(if $(PROG_OBJECTS),$(BUILD)/selftests/prog/prog)
BENCH_PROGRAM := $(if $(BENCH_OBJECTS),$(BUILD)/selftests/bench/bench)

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n'
MAKEFLAGS += --no-print-directory
endif

# Targets that install first cannot know beforehand what is there: they go on in a make of their own.
JOBS  = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
AGAIN = +$(Q)$(MAKE) $(JOBS)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help tests test-programs unit-programs demo-programs bench-program fuzz-programs abi2 run test demo bench fuzz soak lint deb install uninstall clean print-% FORCE

all: $(BUILD)/postern

help:
	@sed -n 's/^#: \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

tests: all abi2 test-programs

test-programs: $(UNIT_PROGRAMS) $(PROG_PROGRAM) $(NET_PROGRAMS) $(TEST_BPF)

unit-programs: $(UNIT_PROGRAMS)

# Not all that tests need: who wants to see the gate does not wait for those.
demo-programs: all $(NET_PROGRAMS) $(TEST_BPF)

bench-program: all $(BENCH_PROGRAM) $(TEST_BPF)

fuzz-programs: $(FUZZ_PROGRAMS)

# ---- targets for people ----

run:
	$(Q)tools/install-packages build run
	$(AGAIN) all
	$(Q)$(BUILD)/postern run --trial

test:
	$(Q)tools/install-packages build run test fuzz vm
	$(AGAIN) tests fuzz-programs
	$(Q)BUILD=$(BUILD) selftests/run

demo:
	$(Q)tools/install-packages build run test
	$(AGAIN) demo-programs
	$(Q)BUILD=$(BUILD) tools/demo

bench:
	$(Q)tools/install-packages build run bench
	$(AGAIN) bench-program
	$(Q)$(BUILD)/selftests/bench/bench $(BUILD)/bench.json

# TARGETS: names of files of selftests/fuzz; else all.
fuzz:
	$(Q)tools/install-packages build fuzz
	$(AGAIN) fuzz-programs
	$(Q)BUILD=$(BUILD) FUZZ_S=$(FUZZ_S) selftests/run fuzz $(TARGETS)

# What takes long. V=1 shows its numbers.
soak:
	$(Q)tools/install-packages build run test soak
	$(AGAIN) tests
	$(Q)BUILD=$(BUILD) V=$(V) selftests/run soak

lint:
	$(Q)tools/install-packages build lint
	$(AGAIN) all
	$(Q)BUILD=$(BUILD) tools/lint

# A configuration that is there is somebody's own.
install: all
	$(say) INSTALL $(DESTDIR)$(SBINDIR)/postern
	$(Q)install -D -m 755 $(BUILD)/postern $(DESTDIR)$(SBINDIR)/postern
	$(Q)install -D -m 644 tools/zones.conf $(DESTDIR)$(DATADIR)/zones.conf
	$(Q)for page in $(MANPAGES); do tools/man/fill $(BUILD)/postern <tools/man/$$page.in >$(BUILD)/$$page && \
		install -D -m 644 $(BUILD)/$$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page || exit; done
	$(Q)install -D -m 644 tools/completions/postern.bash $(DESTDIR)$(BASHDIR)/postern
	$(Q)install -D -m 644 tools/completions/postern.zsh $(DESTDIR)$(ZSHDIR)/_postern
	$(Q)mkdir -p $(DESTDIR)$(DOCDIR)/examples
	$(Q)cp -r $(wildcard tools/integrations/* tools/grafana tools/prometheus) $(DESTDIR)$(DOCDIR)/examples
	$(Q)install -D -m 644 tools/systemd/postern.sysusers $(DESTDIR)$(USERDIR)/postern.conf
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|' tools/systemd/postern.service.in >$(BUILD)/postern.service
	$(Q)install -D -m 644 $(BUILD)/postern.service $(DESTDIR)$(UNITDIR)/postern.service
	$(Q)$(BUILD)/postern config sample >$(BUILD)/postern.conf
	$(Q)[ -e $(DESTDIR)$(CONFIG) ] || install -D -m 644 $(BUILD)/postern.conf $(DESTDIR)$(CONFIG)

uninstall:
	$(say) REMOVE $(DESTDIR)$(SBINDIR)/postern
	$(Q)! $(BUILD)/postern config sample 2>/dev/null | cmp -s - $(DESTDIR)$(CONFIG) || rm -f $(DESTDIR)$(CONFIG)
	$(Q)rm -f $(DESTDIR)$(SBINDIR)/postern $(DESTDIR)$(DATADIR)/zones.conf \
		$(foreach page,$(MANPAGES),$(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(page)))/$(page)) \
		$(DESTDIR)$(BASHDIR)/postern $(DESTDIR)$(ZSHDIR)/_postern \
		$(DESTDIR)$(USERDIR)/postern.conf $(DESTDIR)$(UNITDIR)/postern.service
	$(Q)rm -rf $(DESTDIR)$(DOCDIR)/examples
	$(Q)-rmdir $(DESTDIR)$(DOCDIR) $(DESTDIR)$(DATADIR) $(DESTDIR)$(dir $(CONFIG)) 2>/dev/null || true

# The Debian package, in $(BUILD)/deb.
deb:
	$(Q)tools/install-packages build deb
	$(Q)BUILD=$(BUILD) tools/make-deb

clean:
	$(say) CLEAN $(BUILD)
	$(Q)rm -rf $(BUILD)

# What tools/lint asks for.
print-%:
	@echo '$($*)'

# ---- the program ----

# Whatever was compiled with other flags is compiled again. The libraries are asked for here, before the first compiler.
FLAGS = $(COMPILE) | $(LINK) | $(BPF_COMPILE) | $(FUZZ_COMPILE) | $(FUZZ_LINK)
$(BUILD)/flags: FORCE
	@pkg-config --exists $(LIBRARIES) 2>/dev/null && command -v $(CLANG) $(BPFTOOL) $(STRIP_BPF) >/dev/null || \
		{ echo "make: what the build needs is not all there; as root: tools/install-packages build" >&2; exit 1; }
	@mkdir -p $(@D); echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@

$(USER_ARCHIVE): $(USER_OBJECTS)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/postern: $(MAIN_OBJECT) $(USER_ARCHIVE)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^ $(LIB_LIBS)

$(BUILD)/bpf/postern.bpf.o: bpf/postern.bpf.c $(BUILD)/flags
	$(say) BPF $@
	$(Q)mkdir -p $(@D)
	$(Q)$(BPF_COMPILE) -c -o $@ $<
	$(Q)$(STRIP_BPF) -g $@

$(SKELETON): $(BUILD)/bpf/postern.bpf.o
	$(say) SKELETON $@
	$(Q){ echo '/* NOLINTBEGIN: generated */'; $(BPFTOOL) gen skeleton $< name postern_bpf && \
		echo '/* NOLINTEND */'; } >$@

# The skeleton must be there before a dependency file can name it.
$(BUILD)/%.o: %.c $(BUILD)/flags | $(SKELETON)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -c -o $@ $<

# The whole program again with another ABI: what an upgrade migrates from and to.
abi2: $(BUILD)/postern-abi2
$(BUILD)/postern-abi2: FORCE
	+$(Q)$(MAKE) BUILD=$(BUILD)/abi2 DEFINES=-DPN_ABI_VERSION=9 all
	$(Q)cmp -s $(BUILD)/abi2/postern $@ || cp $(BUILD)/abi2/postern $@

# ---- the tests ----

$(BUILD)/selftests/%.o: selftests/%.c $(BUILD)/flags | $(SKELETON)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -Iselftests -c -o $@ $<

$(BUILD)/selftests/unit/%: $(BUILD)/selftests/unit/%.o $(TAP_OBJECT) $(USER_ARCHIVE)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^ $(LIB_LIBS)

$(BUILD)/selftests/prog/prog: $(PROG_OBJECTS) $(TAP_OBJECT) $(USER_ARCHIVE)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^ $(LIB_LIBS) -lm

# The frames are made as for the program table.
$(BUILD)/selftests/bench/bench: $(BENCH_OBJECTS) $(BUILD)/selftests/prog/packets.o $(USER_ARCHIVE)
	$(say) LINK $@
	$(Q)$(LINK) -o $@ $^ $(LIB_LIBS) -lm

# Helpers of the tests with real hosts stand alone, but for threads.
$(BUILD)/selftests/net/%: $(BUILD)/selftests/net/%.o
	$(say) LINK $@
	$(Q)$(LINK) -pthread -o $@ $^

# The user side again, so compiled that the fuzzer sees which way an input takes.
$(BUILD)/fuzz/user/%.o: user/%.c $(BUILD)/flags | $(SKELETON)
	$(say) FUZZ-CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_COMPILE) -fsanitize=fuzzer-no-link -c -o $@ $<

$(FUZZ_ARCHIVE): $(patsubst $(BUILD)/%,$(BUILD)/fuzz/%,$(USER_OBJECTS))
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/fuzz/targets/%.o: selftests/fuzz/%.c $(BUILD)/flags | $(SKELETON)
	$(say) FUZZ-CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_COMPILE) -Iselftests -fsanitize=fuzzer-no-link -c -o $@ $<

$(BUILD)/fuzz/%: $(BUILD)/fuzz/targets/%.o $(FUZZ_ARCHIVE)
	$(say) LINK $@
	$(Q)$(FUZZ_LINK) -o $@ $^ $(LIB_LIBS)

$(BUILD)/selftests/%.bpf.o: selftests/%.bpf.c $(BUILD)/flags
	$(say) BPF $@
	$(Q)mkdir -p $(@D)
	$(Q)$(BPF_COMPILE) -c -o $@ $<
	$(Q)$(STRIP_BPF) -g $@

-include $(shell find $(BUILD) \( -path $(BUILD)/abi2 -o -path $(BUILD)/deb \) -prune -o -name '*.d' -print 2>/dev/null)
