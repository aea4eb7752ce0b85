# VPN-Warp relay. "make help" lists the targets.

VERSION = 0.2.0

CC ?= cc
CFLAGS ?= -O2 -g
INSTALL ?= install
PKG_CONFIG ?= pkg-config
CLANG_FORMAT ?= clang-format
CLANG_TIDY ?= clang-tidy

prefix = /usr/local
exec_prefix = $(prefix)
bindir = $(exec_prefix)/bin
sbindir = $(exec_prefix)/sbin
libexecdir = $(exec_prefix)/libexec
sysconfdir = /etc
mandir = $(prefix)/share/man
monitoringdir = $(prefix)/share/vpn-warp/monitoring
statedir = /var/lib/vpn-warp
unitdir = $(prefix)/lib/systemd/system
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
bashdir = $(prefix)/share/bash-completion/completions
zshdir = $(prefix)/share/zsh/site-functions
fishdir = $(prefix)/share/fish/vendor_completions.d
# The unprivileged users of the relay, and of agents and stones that are
# services: none can read another's key. "make install" makes them on this host.
RELAY_USER = vpn-warp
AGENT_USER = vpn-warp-agent
STONE_USER = vpn-warp-stone
# As whom its handlers run, in the same group.
HANDLER_USER = vpn-warp-handler
# The user who has the relay's key, where relay-keyd runs.
KEYD_USER = vpn-warp-keyd

B = build
BROKER_PROGRAM = relay-broker
HANDLER_PROGRAMS = relay-handler relay-handoff relay-keyd relay-listen relay-peer \
	relay-presence
CLIENT_PROGRAMS = relayagent relay-stone
ADMIN_PROGRAM = relayctl
# What the tests need beside these.
TEST_PROGRAMS = certificate comeback elastic newkeys proving sandboxed sealing \
	several without
SCRIPTS = relay-ca
CA_PIECES = $(wildcard bin/ca/*.sh)
PROGRAMS = $(BROKER_PROGRAM) $(HANDLER_PROGRAMS) $(CLIENT_PROGRAMS) \
	$(ADMIN_PROGRAM)

SOURCES = $(wildcard $(foreach top,broker handlers bin,$(top)/*.c $(top)/*/*.c))
HEADERS = $(wildcard $(foreach top,broker handlers bin,$(top)/*.h $(top)/*/*.h))
MAINS = $(BROKER_PROGRAM:%=broker/%.c) $(HANDLER_PROGRAMS:%=handlers/%.c) \
	$(CLIENT_PROGRAMS:%=bin/%.c) $(ADMIN_PROGRAM:%=bin/%.c)
LIB_OBJECTS = $(patsubst %.c,$(B)/obj/%.o,$(filter-out $(MAINS),$(SOURCES)))
BENCH_SOURCES = $(wildcard tests/bench/*.c)
BENCH_MAINS = $(filter-out tests/bench/timing.c,$(BENCH_SOURCES))
BENCH_PROGRAMS = $(BENCH_MAINS:tests/bench/%.c=$(B)/bench/%)
MAN_PAGES = $(wildcard man/*.[1578])

# What each part of the installation consists of.
PARTS = relay agent stone
relay_PROGRAMS = relay-ca
relay_DAEMONS = relay-broker relay-keyd relay-listen relay-peer relay-presence \
	relayctl
relay_HANDLERS = relay-handler relay-handoff
relay_PAGES = $(filter-out $(agent_PAGES) $(stone_PAGES),$(MAN_PAGES))
relay_UNITS = broker/relay-broker.service handlers/relay-keyd.service \
	handlers/relay-listen.service handlers/relay-peer.service \
	handlers/relay-presence.service \
	handlers/relay-listen.socket handlers/relay.socket \
	handlers/relay@.service bin/relay-account.service \
	bin/relay-account.timer bin/relay-ca-crl.service bin/relay-ca-crl.timer
relay_SYSUSERS = broker/relay.sysusers
relay_TMPFILES = broker/relay.tmpfiles
relay_XINETD = xinetd.d/vpn-warp-relay
relay_CONF = broker/relay.conf
relay_MONITORING = man/monitoring/alerts.yml man/monitoring/dashboard.json
relay_USER = $(RELAY_USER) $(HANDLER_USER) $(KEYD_USER)
agent_PROGRAMS = relayagent
agent_PAGES = man/relayagent.1
agent_UNITS = bin/relayagent@.service
agent_SYSUSERS = bin/relayagent.sysusers
agent_USER = $(AGENT_USER)
stone_PROGRAMS = relay-stone
stone_PAGES = man/relay-stone.1
stone_UNITS = bin/relay-stone@.service bin/relay-stone-inetd.socket \
	bin/relay-stone-inetd@.service
stone_SYSUSERS = bin/relay-stone.sysusers
stone_XINETD = xinetd.d/relay-stone
stone_USER = $(STONE_USER)

WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Werror
HARDENING = -Wformat -Werror=format-security -fPIE -fstack-protector-strong -fstack-clash-protection \
	-D_FORTIFY_SOURCE=2 $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
HARDENING_LD = -fPIE -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack \
	-Wl,--as-needed
DEFINES = -DLLHTTP_STRICT_MODE=1 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE \
	-DVERSION='"$(VERSION)"' -DSYSCONFDIR='"$(sysconfdir)"' \
	-DSTATEDIR='"$(statedir)"' -DAGENT_USER='"$(AGENT_USER)"' \
	-DSTONE_USER='"$(STONE_USER)"'
INCLUDES = -Ibroker -Ihandlers -Ibin $(LLHTTP_INCLUDE)
LIBRARIES = openssl jansson libseccomp libnghttp2
# llhttp is a library since Debian 13. Debian 12 has its C sources alone.
ifeq ($(shell $(PKG_CONFIG) --exists libllhttp 2>/dev/null && echo yes),yes)
LIBRARIES += libllhttp
else
LLHTTP_SOURCES = /usr/share/llhttp
LLHTTP_INCLUDE = -isystem /usr/share/include/llhttp
LLHTTP_OBJECTS = $(patsubst %,$(B)/obj/llhttp/%.o,api http llhttp)
endif
LIBS = $(shell $(PKG_CONFIG) --libs $(LIBRARIES))
# the ledger's, and nobody else's
$(B)/bin/$(ADMIN_PROGRAM): LIBRARIES += sqlite3
# the protocol of the store, likewise
$(B)/bin/relay-presence: LIBS += $(shell $(PKG_CONFIG) --libs hiredis)
# what speaks to tokens: relay-keyd's, likewise
TOKENS = p11-kit-1
$(B)/bin/relay-keyd $(B)/bin/fuzz_transcript: LIBS += $(shell $(PKG_CONFIG) --libs $(TOKENS))
$(B)/obj/handlers/keyd/token.o $(B)/obj/handlers/keyd/token_key.o: LIBRARIES += $(TOKENS)
# the same bytes from whatever folder it is built in
ANYWHERE = '-ffile-prefix-map=$(CURDIR)=.'
COMPILE = $(CC) -std=c11 $(WARNINGS) $(HARDENING) $(DEFINES) $(INCLUDES) \
	$(shell $(PKG_CONFIG) --cflags $(LIBRARIES)) $(ANYWHERE) $(CFLAGS) $(CPPFLAGS)

# What Debian 12 calls otherwise.
ifeq ($(shell . /etc/os-release; echo $$ID $$VERSION_ID),debian 12)
DEPS_LLHTTP = node-llhttp
DEPS_LIBFUZZER = libclang-rt-14-dev
DEPS_UNITDIR = systemd
else
DEPS_LLHTTP = libllhttp-dev
DEPS_LIBFUZZER = libclang-rt-dev
DEPS_UNITDIR = systemd-dev
endif

DEPS_BUILD = gcc libc6-dev make pkg-config libssl-dev libhiredis-dev libp11-kit-dev \
	libjansson-dev libnghttp2-dev libseccomp-dev libsqlite3-dev uthash-dev $(DEPS_LLHTTP) \
	openssl
DEPS_RUN = $(DEPS_BUILD) stone xinetd curl busybox util-linux procps
# several find each other by it
ifneq ($(RELAYS),)
DEPS_RUN += redis-server
endif
DEPS_TEST = $(DEPS_RUN) bats python3 socat parallel git mandoc xxd cpp jq \
	tinyproxy-bin libnss3-tools chromium iproute2 redis-server \
	redis-tools rsync sqlite3 openssh-server openssh-client nftables \
	sslscan testssl.sh prometheus haproxy systemd zsh fish softhsm2
DEPS_BENCH = $(DEPS_RUN) python3 haproxy iperf3 wrk openssh-server \
	redis-server redis-tools
DEPS_MODEL = gcc libc6-dev spin
DEPS_FUZZ = $(DEPS_BUILD) clang $(DEPS_LIBFUZZER) llvm
DEPS_HARD = $(DEPS_TEST) $(DEPS_FUZZ) valgrind blhc
DEPS_DEB = $(DEPS_BUILD) build-essential debhelper lintian $(DEPS_UNITDIR)
DEPS_LINT = $(DEPS_BUILD) clang clang-format clang-tidy cppcheck shellcheck \
	shfmt mandoc python3

# Broker sources know nothing of handlers, nor these of the client programs.
$(B)/obj/broker/%.o: INCLUDES = -Ibroker
$(B)/obj/handlers/%.o: INCLUDES = -Ibroker -Ihandlers

.PHONY: all test-programs run demo check test lint install uninstall clean dist \
	$(PARTS:%=install-%) $(PARTS:%=uninstall-%) \
	deps deps-build deps-run deps-test deps-bench deps-lint help format \
	bench bench-quick bench-idle bench-cluster model fuzz fuzzers coverage sanitize \
	valgrind blhc faults soak mutants test-trixie deps-model deps-fuzz deps-hard deb deps-deb test-deb \
	test-seven
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS:%=$(B)/bin/%) $(SCRIPTS:%=$(B)/bin/%)

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

# it contains the page
$(B)/obj/handlers/http/page.o: handlers/http/page.html

# somebody else's code: our hardening, not our warnings
$(B)/obj/llhttp/%.o: $(LLHTTP_SOURCES)/%.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=c11 -w $(HARDENING) $(DEFINES) $(LLHTTP_INCLUDE) $(ANYWHERE) \
		$(CFLAGS) $(CPPFLAGS) -c -o $@ $<

$(B)/relay.a: $(LIB_OBJECTS) $(LLHTTP_OBJECTS)
	rm -f $@
	$(AR) qcsD $@ $^

define program_rule
$(B)/bin/$(notdir $(1:.c=)): $(B)/obj/$(1:.c=.o) $(B)/relay.a
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(HARDENING_LD) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
endef
$(foreach main,$(MAINS),$(eval $(call program_rule,$(main))))

$(SCRIPTS:%=$(B)/bin/%): $(B)/bin/%: bin/% $(CA_PIECES) Makefile
	@mkdir -p $(@D)
	sed -e 's/@VERSION@/$(VERSION)/' \
		$(foreach piece,$(CA_PIECES),-e '/^\. .*\/$(notdir $(piece))"$$/{r $(piece)' -e 'd}') \
		$< | sed '/^ *# shellcheck /d' >$@
	chmod 755 $@

# The tests' own: they call what the library has.
$(B)/tests/%: tests/programs/%.c tests/programs/need.h $(B)/relay.a Makefile
	@mkdir -p $(@D)
	$(COMPILE) $(HARDENING_LD) $(LDFLAGS) -o $@ $< $(B)/relay.a $(LIBS)

test-programs: $(TEST_PROGRAMS:%=$(B)/tests/%)

# which of the benchmarks to run, all unless told
MEASURES =

# the benchmarks' own clients and servers
$(BENCH_PROGRAMS): $(B)/bench/%: $(B)/obj/tests/bench/%.o \
		$(B)/obj/tests/bench/timing.o $(B)/relay.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(HARDENING_LD) $(LDFLAGS) -o $@ $^ $(LIBS)

-include $(patsubst %.c,$(B)/obj/%.d,$(SOURCES) $(BENCH_SOURCES))

run: deps-run  ## start a whole relay on this host and fetch a page through it
	@$(MAKE) --no-print-directory all
	@tests/demo.sh stay

demo: deps-run  ## the same, but end after the page: "demo: PASS"
	@$(MAKE) --no-print-directory all
	@tests/demo.sh once

# Of both: the files, below tests/, and the tests whose names match.
FILES =
FILTER =
# the answer in two minutes
CHECK = agent/conf agent/mux-protocol ca/makes ctl/relayctl customers/limits \
	relay/handoff relay/handshake relay/heads relay/pairing relay/roles \
	stone/article
check:  ## build, and run what answers in two minutes (FILES=, FILTER=)
	@$(MAKE) --no-print-directory all test-programs
	@FILTER='$(FILTER)' TAGS='$(if $(FILES)$(FILTER),,!slow)' \
		tests/run.sh $(or $(FILES),$(CHECK:%=%.bats))

test: deps-test  ## run the tests over real programs (FILES=, FILTER=)
	@$(MAKE) --no-print-directory all test-programs
	@FILTER='$(FILTER)' tests/run.sh $(FILES)

# What the suite tries a few times, or with a few, these try in earnest. Each of
# the figures may be set: "make faults FAULT_ROUNDS=3".
FAULT_ROUNDS = 20
PARKED_POLLS = 63
PARKED_AGENTS = 4
PARKED_SECONDS = 600
FAULT_STRIDE = 5
CLUSTER_ROUNDS = 10
FAULTS = $(addprefix faults/,cluster cluster-split deaths parked pauses sweep lossy \
	surroundings tls-hostile) relay/tls-scan
LOAD_SESSIONS = 10000
LOAD_CERTIFICATES = 100
SEALED_SESSIONS = 20000
BARE_CHANGES = 1000
LOAD_AGENTS = 5000
LOAD_SECONDS = 120
OFTEN = agent/conf agent/parked ctl/recent relay/reconnect customers/limits relay/load \
	stone/mux stone/language customers/reloads relay/transfer \
	relay/changeovers relay/bare relay/parking

faults: deps-test  ## break everything, 20 times each, under load (half an hour)
	@$(MAKE) --no-print-directory all test-programs
	@FAULT_ROUNDS=$(FAULT_ROUNDS) FAULT_STRIDE=$(FAULT_STRIDE) \
		PARKED_POLLS=$(PARKED_POLLS) PARKED_AGENTS=$(PARKED_AGENTS) \
		PARKED_SECONDS=$(PARKED_SECONDS) CLUSTER_ROUNDS=$(CLUSTER_ROUNDS) \
		BATS_TEST_TIMEOUT=1500 tests/run.sh $(FAULTS:%=%.bats)

soak: deps-test  ## 10,000 sessions, 5,000 idle agents, and what is tried often
	@$(MAKE) --no-print-directory all test-programs
	@LOAD_SESSIONS=$(LOAD_SESSIONS) LOAD_CERTIFICATES=$(LOAD_CERTIFICATES) \
		LOAD_AGENTS=$(LOAD_AGENTS) LOAD_SECONDS=$(LOAD_SECONDS) \
		SEALED_SESSIONS=$(SEALED_SESSIONS) BARE_CHANGES=$(BARE_CHANGES) \
		SOAK=1 BATS_TEST_TIMEOUT=4000 tests/run.sh $(OFTEN:%=%.bats)

mutants: deps-test  ## break the sealed channel on purpose, and see the tests fail
	@tests/mutants.sh

bench: deps-bench  ## measure beside real peers, in ratios (below 15 minutes)
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS)
	@python3 -B tests/bench/bench.py $(MEASURES)

bench-quick: deps-bench  ## the same with fewer and shorter rounds (2 minutes)
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS)
	@python3 -B tests/bench/bench.py quick $(MEASURES)

bench-idle: deps-bench  ## 5,000 idle agents for 10 minutes, and 20,000 that come back
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS)
	@BENCH_IDLE_SECONDS=600 BENCH_SECONDS=1800 python3 -B tests/bench/bench.py idle restart

bench-cluster: deps-bench  ## relay-presence, a store with a million entries, and crossings (5 minutes)
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS)
	@python3 -B tests/bench/bench.py cluster crossing

model: deps-model  ## check the models with spin, and their mutants
	@tests/model/check.sh

# The fuzzers and what they link: everything instrumented, in a folder of its
# own. Clang alone has libFuzzer and counts branches.
FUZZERS = $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -fprofile-instr-generate -fcoverage-mapping
fuzzers:
	@$(MAKE) --no-print-directory B=$(B)/fuzz CC=clang HARDENING= \
		CFLAGS='$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link' \
		$(FUZZERS:%=$(B)/fuzz/bin/%)

$(B)/obj/tests/fuzz/%.o: INCLUDES += -Itests/fuzz
$(FUZZERS:%=$(B)/bin/%): $(B)/bin/%: $(B)/obj/tests/fuzz/%.o \
		$(B)/obj/tests/fuzz/fuzz.o $(B)/relay.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

fuzz: deps-fuzz  ## fuzz every parser for FUZZ_SECONDS (60) each
	@$(MAKE) --no-print-directory -j4 fuzzers
	@tests/fuzz/run.sh $(B)/fuzz $(FUZZERS)

coverage: fuzz  ## fuzz, and see how many branches of the parsers that reached
	@tests/fuzz/coverage.sh $(B)/fuzz $(FUZZERS)

sanitize: deps-hard  ## run the tests with ASan and UBSan (FILES="relay/a.bats ...")
	@$(MAKE) --no-print-directory B=$(B)/sanitize CC=clang HARDENING= \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined' all test-programs
	@BUILT='$(CURDIR)/$(B)/sanitize/bin' ASAN_OPTIONS=detect_leaks=0 \
		tests/run.sh $(FILES)

valgrind: deps-hard  ## 200 sessions under valgrind
	@$(MAKE) --no-print-directory B=$(B)/valgrind CPPFLAGS=-DINSTRUMENTED=1 all
	@tests/valgrind.sh $(B)/valgrind/bin $(B)/valgrind/wrapped

blhc: deps-hard  ## see in the log of a build that every hardening flag is used
	@rm -rf $(B)/blhc
	@mkdir -p $(B)
	@{ echo 'dpkg-buildpackage: a log, as blhc knows it'; \
		MAKEFLAGS= $(MAKE) --no-print-directory -j4 B=$(B)/blhc all; } >$(B)/blhc.log
	@blhc --all $(B)/blhc.log
	@echo 'blhc           ok'

lint: deps-lint  ## every static check
	@tests/lint.sh

format: deps-lint  ## write all C sources in the project's format
	$(CLANG_FORMAT) -i $(SOURCES) $(BENCH_SOURCES) \
		$(HEADERS) \
		$(wildcard tests/bench/*.h tests/fuzz/*.[ch] tests/programs/*.[ch])

# put MODE,FILES,FOLDER: installs them.
put = $(if $(strip $(2)),$(INSTALL) -d $(DESTDIR)$(3) && \
	$(INSTALL) -m $(1) $(2) $(DESTDIR)$(3))

# fill FILE,TARGET: installs it with the names of this installation filled in.
fill = $(INSTALL) -d $(DESTDIR)$(dir $(2)) && \
	sed -e 's,@bindir@,$(bindir),g; s,@sbindir@,$(sbindir),g' \
		-e 's,@libexecdir@,$(libexecdir),g; s,@sysconfdir@,$(sysconfdir),g' \
		-e 's,@statedir@,$(statedir),g' \
		-e 's,@user@,$(RELAY_USER),g; s,@agent_user@,$(AGENT_USER),g' \
		-e 's,@stone_user@,$(STONE_USER),g; s,@keyd_user@,$(KEYD_USER),g' \
		-e 's,@handler_user@,$(HANDLER_USER),g' \
		-e 's,/usr/local/bin,$(bindir),g; s,/usr/local/sbin,$(sbindir),g' \
		-e 's,/usr/local/libexec,$(libexecdir),' \
		-e 's,/usr/local/lib/systemd/system,$(unitdir),' \
		-e 's,/usr/local/share/vpn-warp/monitoring,$(monitoringdir),' \
		$(1) >$(DESTDIR)$(2) && chmod 644 $(DESTDIR)$(2)

# keep FILE,TARGET: the same, where there is none yet: people change it.
keep = [ -e $(DESTDIR)$(2) ] || { $(call fill,$(1),$(2)); }

# The users of part $(1), on this host: by sysusers.d(5) where systemd is there.
make_user = [ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || \
	if command -v systemd-sysusers >/dev/null; then \
		systemd-sysusers $(sysusersdir)/vpn-warp-$(1).conf; \
	else \
		for user in $($(1)_USER); do \
			getent passwd $$user >/dev/null || \
			useradd --system --no-create-home \
				$$([ $$user = $(HANDLER_USER) ] && \
				echo --gid $(RELAY_USER) || echo --user-group) \
				--home-dir /nonexistent \
				--shell /usr/sbin/nologin $$user || exit; \
		done; \
	fi

# What systemd reads at the start it should know now, where it runs.
tell_systemd = [ -n "$(DESTDIR)" ] || [ ! -d /run/systemd/system ] || \
	{ systemctl daemon-reload && systemd-tmpfiles --create \
		$($(1)_TMPFILES:%=$(tmpfilesdir)/vpn-warp-$(1).conf); }

# What people type of part $(1).
completed = $($(1)_PROGRAMS) $($(1)_DAEMONS)

define each_line
$(1)

endef

define install_rule
install-$(1): $$($(1)_PROGRAMS:%=$(B)/bin/%) $$($(1)_DAEMONS:%=$(B)/bin/%) \
		$$($(1)_HANDLERS:%=$(B)/bin/%)
	$$(INSTALL) -d $$(DESTDIR)$$(sysconfdir)/vpn-warp
	$$(call put,755,$$($(1)_PROGRAMS:%=$(B)/bin/%),$$(bindir))
	$$(call put,755,$$($(1)_DAEMONS:%=$(B)/bin/%),$$(sbindir))
	$$(call put,755,$$($(1)_HANDLERS:%=$(B)/bin/%),$$(libexecdir))
	$$(foreach c,$$(call completed,$(1)),$$(call each_line,$$(call \
		fill,bin/completions/$$c.bash,$$(bashdir)/$$c)) \
		$$(call each_line,$$(call \
		fill,bin/completions/$$c.zsh,$$(zshdir)/_$$c)) \
		$$(call each_line,$$(call \
		fill,bin/completions/$$c.fish,$$(fishdir)/$$c.fish)))
	$$(foreach p,$$($(1)_PAGES),$$(call each_line,$$(call \
		fill,$$p,$$(mandir)/man$$(patsubst .%,%,$$(suffix $$p))/$$(notdir $$p))))
	$$(call put,644,$$($(1)_MONITORING),$$(monitoringdir))
	$$(foreach u,$$($(1)_UNITS),$$(call each_line,$$(call \
		fill,$$u,$$(unitdir)/$$(notdir $$u))))
	$$(foreach u,$$($(1)_SYSUSERS),$$(call \
		fill,$$u,$$(sysusersdir)/vpn-warp-$(1).conf))
	$$(foreach t,$$($(1)_TMPFILES),$$(call \
		fill,$$t,$$(tmpfilesdir)/vpn-warp-$(1).conf))
	$$(foreach c,$$($(1)_CONF),$$(call \
		keep,$$c,$$(sysconfdir)/vpn-warp/$$(notdir $$c)))
	$$(foreach x,$$($(1)_XINETD),$$(call keep,$$x,$$(sysconfdir)/$$x))
	$$(call make_user,$(1))
	$$(call tell_systemd,$(1))

uninstall-$(1):
	rm -f $$($(1)_PROGRAMS:%=$$(DESTDIR)$$(bindir)/%) \
		$$($(1)_DAEMONS:%=$$(DESTDIR)$$(sbindir)/%) \
		$$($(1)_HANDLERS:%=$$(DESTDIR)$$(libexecdir)/%) \
		$$(foreach c,$$(call completed,$(1)),$$(DESTDIR)$$(bashdir)/$$c \
			$$(DESTDIR)$$(zshdir)/_$$c $$(DESTDIR)$$(fishdir)/$$c.fish) \
		$$(foreach p,$$($(1)_PAGES),$$(DESTDIR)$$(mandir)/man$$(patsubst \
			.%,%,$$(suffix $$p))/$$(notdir $$p)) \
		$$(foreach u,$$($(1)_UNITS),$$(DESTDIR)$$(unitdir)/$$(notdir $$u)) \
		$$(foreach m,$$($(1)_MONITORING),$$(DESTDIR)$$(monitoringdir)/$$(notdir $$m)) \
		$$(DESTDIR)$$(sysusersdir)/vpn-warp-$(1).conf \
		$$(DESTDIR)$$(tmpfilesdir)/vpn-warp-$(1).conf
endef
$(foreach part,$(PARTS),$(eval $(call install_rule,$(part))))

install: $(PARTS:%=install-%)  ## install all below DESTDIR; makes the users

install-relay:  ## the same with the relay alone
install-agent:  ## the same with relayagent alone
install-stone:  ## the same with relay-stone alone

uninstall: $(PARTS:%=uninstall-%)  ## remove what install put there, but no configuration

# The packages and lintian's word on them. The top level has no debian/, which is
# in a copy alone.
deb: deps-deb  ## make Debian packages below build/deb
	@rm -rf $(B)/deb
	@mkdir -p $(B)/deb/vpn-warp-$(VERSION)
	@tar -c --exclude=./$(B) --exclude=./build --exclude=./.git . | \
		tar -x -C $(B)/deb/vpn-warp-$(VERSION)
	@cp -r .debian $(B)/deb/vpn-warp-$(VERSION)/debian
	cd $(B)/deb/vpn-warp-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL \
		dpkg-buildpackage -b -us -uc -j$$(nproc) >../build.log 2>&1 || \
		{ tail -n 40 ../build.log; exit 1; }
	@rm -rf $(B)/deb/vpn-warp-$(VERSION)
	@cd $(B)/deb && lintian --allow-root --pedantic --fail-on error,warning,pedantic *.changes
	@ls $(B)/deb/*.deb

SUITE = bookworm
SESSIONS = 200
# a folder of packages that are built already
DEBS =
test-deb:  ## build, install, run and upgrade the packages in a Debian of their own
	$(call install_packages,debootstrap util-linux procps iproute2)
	@SUITE=$(SUITE) SESSIONS=$(SESSIONS) DEBS='$(DEBS)' tests/packages/run.sh

test-seven:  ## README's seven commands on three hosts that systemd has booted
	$(call install_packages,bats curl debootstrap util-linux procps iproute2 python3)
	@debs='$(DEBS)'; if [ -z "$$debs" ]; then \
		debs='$(CURDIR)/$(B)/debs-$(SUITE)'; rm -rf "$$debs"; \
		SUITE=$(SUITE) tests/packages/build.sh "$$debs" || exit; \
	fi; \
	SUITE=$(SUITE) DEBS="$$debs" BATS_TEST_TIMEOUT=1500 tests/run.sh packages/seven.bats

# what to make there; TREE is a folder for the system, which stays
GOAL = demo
TREE =
test-trixie:  ## run the demo in a fresh Debian 13, or the tests: GOAL=test
	$(call install_packages,debootstrap util-linux procps iproute2)
	@GOAL=$(GOAL) TREE='$(TREE)' FILES='$(FILES)' FILTER='$(FILTER)' \
		tests/trixie.sh

clean:  ## remove what was built
	rm -rf $(B) vpn-warp-relay-*.tar.gz

dist:  ## make the source archive of the last commit
	@[ -e .git ] || { echo 'make dist: only from a checkout of git: this is none' >&2; exit 69; }
	@mkdir -p $(B)
	git archive --prefix=vpn-warp-relay-$(VERSION)/ -o $(B)/dist.tar HEAD
	gzip -nf $(B)/dist.tar
	mv $(B)/dist.tar.gz vpn-warp-relay-$(VERSION).tar.gz

# Installs the Debian packages in $(1) that are missing, or says which.
define install_packages
	@missing=; for p in $(1); do \
		dpkg-query -W -f='$${Status}' $$p 2>/dev/null | \
			grep -q 'ok installed' || missing="$$missing $$p"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo='sudo -n'; \
	if [ -n "$$sudo" ] && ! $$sudo true 2>/dev/null; then \
		echo "missing packages; as root: apt-get install$$missing" >&2; \
		exit 69; \
	fi; \
	echo "installing$$missing"; \
	export DEBIAN_FRONTEND=noninteractive; \
	words=$$({ $$sudo apt-get update -q && \
	$$sudo apt-get install -q -y --no-install-recommends $$missing; } 2>&1) || \
		{ printf '%s\n' "$$words" >&2; exit 69; }
endef

deps: deps-run deps-test deps-bench deps-lint deps-hard deps-model  ## install every Debian package needed
deps-build:
	$(call install_packages,$(DEPS_BUILD))
deps-run:
	$(call install_packages,$(DEPS_RUN))
deps-test:
	$(call install_packages,$(DEPS_TEST))
deps-bench:
	$(call install_packages,$(DEPS_BENCH))
deps-model:
	$(call install_packages,$(DEPS_MODEL))
deps-fuzz:
	$(call install_packages,$(DEPS_FUZZ))
deps-hard:
	$(call install_packages,$(DEPS_HARD))
deps-deb:
	$(call install_packages,$(DEPS_DEB))
deps-lint:
	$(call install_packages,$(DEPS_LINT))

help:  ## show this
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | expand -t 12
