# CI runs `make test` and, in jobs of their own, `make mutants-diff` and `make artefacts infra`. `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The test servers listen on this machine, so requests to them must not go through a proxy.
comma := ,
NO_PROXY := $(or $(NO_PROXY),$(no_proxy))
ifneq ($(NO_PROXY),*)
  NO_PROXY := $(addsuffix $(comma),$(NO_PROXY))127.0.0.1,localhost,::1
endif
no_proxy := $(NO_PROXY)
export NO_PROXY no_proxy

FUNCTIONS := $(notdir $(patsubst %/,%,$(wildcard functions/*/)))
CARGO     := cargo --locked
# With these features of the harness, dependencies have the features that the tests need, so programs, tests and
# documentation share one build of them.
FEATURES  := --features harness/dynamodb,harness/function,harness/as-in-tests
PACKAGES  := $(addprefix -p ,$(FUNCTIONS)) -p guestpass-cli -p local-stack -p acs-emulator -p harness $(FEATURES)
# They use most of the dependencies, but not the client of ACS, so its features can be off.
NO_CLIENT := -p receive-security-event -p local-stack -p harness $(FEATURES)
# The tests run without a network, where the system permits it.
LOOPBACK  := tests/suites/loopback_only.py
SUITES    := tests/suites/run

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: need-rust need-cc binaries ## run the whole service on localhost (ORIGIN=, ISSUER=, AUDIENCE=, HOST=, RUN=)
	@exec "$$($(MAKE) where)/local-stack" $(RUN_OPTIONS)
# ORIGIN is the origin of a web app. AUTHORIZER is jwt or lambda. ISSUER is a real identity provider,
# and AUDIENCE the audience of its tokens. HOST is the address of gateway and issuer; HTTPS=1 lets
# them speak https. Some shells export HOST as the name of the machine, so it counts only on the
# command line. RUN has other options: make run RUN="--parameter TokenScope="
RUN_OPTIONS = $(if $(ORIGIN),--parameter 'AllowedOrigins=$(ORIGIN)') \
              $(if $(AUTHORIZER),--parameter 'Authorizer=$(AUTHORIZER)') \
              $(if $(ISSUER),--parameter 'Issuer=$(ISSUER)') \
              $(if $(AUDIENCE),--parameter 'Audience=$(AUDIENCE)') \
              $(if $(filter command,$(origin HOST)),--host '$(HOST)') $(if $(HTTPS),--https) $(RUN)

# The data of a demonstration is in memory; `make run` keeps its own.
.PHONY: demo
demo: need-rust need-cc binaries ## the same, filled with a believable day of 2,000 users, in memory (RUN=)
	@exec "$$($(MAKE) where)/local-stack" --demo --ephemeral --no-limits --no-throttling --data target/demo $(RUN_OPTIONS)

.PHONY: pictures
pictures: need-node binaries ## take the pictures of the console for the READMEs (Chromium)
	@tests/clients/pictures "$$($(MAKE) where)"

.PHONY: test
test: need-rust need-cc need-python3 need-node ## run all tests of CI but mutations
	@$(MAKE) lint binaries
	@$(CARGO) test --workspace --no-run --quiet
	@MAKE='$(MAKE)' tests/suites/side_by_side.py $(TARGETS)
# The builds before use all cores; most of these use one for much of their time.
TARGETS := infra audit e2e faults interop packages clients unit cost mutants-if-built

.PHONY: lint
lint: format-and-clippy ## check the format, clippy and rustdoc; warnings are errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet $(FEATURES)

.PHONY: unit
unit: need-python3 ## run the unit and contract tests
	$(SUITES) $(UNIT)
# Without make's variables, because each rustdoc warns if it finds no jobserver.
	env -u MAKEFLAGS -u MFLAGS $(LOOPBACK) $(CARGO) test --workspace --doc
UNIT := --except cli e2e faults scale

# Leaves out rustdoc and the doctests, which `make test` runs.
.PHONY: check
check: need-python3 format-and-clippy ## the fast loop: the format, clippy and the unit tests
	$(SUITES) $(UNIT)

.PHONY: format-and-clippy
format-and-clippy:
	cargo fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy -p acs-client --no-default-features $(NO_CLIENT) -- -D warnings

.PHONY: one
one: binaries ## run the tests whose names contain T: make one T=r12
	@test -n "$(T)" || { echo "one: T is missing; give it a part of the tests' names, for example: make one T=r12" >&2; exit 2; }
	$(SUITES) --except scale -- $(T)

.PHONY: mutants
mutants: need-rust need-cc need-python3 ## run mutation tests of 100 mutants (ALL=1, ONLY=, MUTANTS_SEED=)
	@tests/mutants/run $(if $(ALL),--all) $(if $(ONLY),--only '$(ONLY)')

.PHONY: mutants-diff
mutants-diff: need-rust need-cc need-python3 ## run mutation tests of the changed lines, at most 5 minutes
	@tests/mutants/run --changed

# From empty caches, the builds alone take longer than the time limit.
.PHONY: mutants-if-built
mutants-if-built: need-rust need-cc need-python3
	@$(LOOPBACK) python3 -B -m unittest discover -q tests/mutants
	@tests/mutants/run --changed --if-built

.PHONY: fuzz
fuzz: need-rust need-cc ## fuzz each entry point for a minute (nightly toolchain, cargo-fuzz)
	@tests/fuzz/run 60

.PHONY: faults
faults: binaries ## run concurrent operations in every order of their steps
	$(SUITES) faults

.PHONY: cost
cost: binaries ## check that a request costs the same with 100,000 identities
	$(SUITES) scale -- --nocapture

.PHONY: scale
scale: ## the same with 1,000,000 identities and release binaries
	$(CARGO) build --release -p delete-stale-identities
	SCALE_IDENTITIES=1000000 $(LOOPBACK) $(CARGO) test --release -p scale -- --nocapture

.PHONY: load
load: binaries ## play a burst of three times what ACS serves, beside its prediction
	$(CARGO) run --quiet -p load

.PHONY: e2e
e2e: binaries ## test the binaries in the local stack, through HTTP
	$(SUITES) e2e cli
	@echo "e2e: again, with the opposite choice for each behaviour of ACS that is not documented"
	ACS_THE_OTHER_WAY="$(OTHER_WAY)" $(SUITES) e2e
OTHER_WAY := --issue-for-deleted --refuse-unknown-identities --accept-unknown-scopes \
             --refuse-newer-members --revoke-by-second --count-refused --no-retry-after

# Deploys artefacts if `make artefacts` has run, and the debug programs if not: from empty caches, artefacts are a second
# build of all dependencies.
.PHONY: infra
infra: need-rust need-cc need-python3 binaries ## check the template, and deploy it to an AWS emulator
	@debug="$$($(MAKE) where)"; artefacts=target/lambda-debug; \
	if [ -d "$$debug/../$$($(MAKE) host)/no-lto" ]; then artefacts=target/lambda-no-lto; $(MAKE) artefacts; \
	else infra/build/run --debug "$$debug" --out "$$artefacts"; fi; \
	ARTEFACTS="$(CURDIR)/$$artefacts" tests/infra/run "$$debug"

# As `make build`, with programs that compile faster, but whose zips are a quarter larger.
.PHONY: artefacts
artefacts: need-rust need-cc need-python3 binaries
	@infra/build/run --profile no-lto --tool "$$($(MAKE) where)/guestpass" --out target/lambda-no-lto

.PHONY: interop
interop: binaries ## run SDKs, identity providers and generated requests against the local stack
	@$(CARGO) build --workspace --example sign # as the tests were built
	@tests/interop/run "$$($(MAKE) where)"

.PHONY: clients
clients: need-node need-python3 binaries ## test the packages for apps in Node.js and in Chromium
	@tests/clients/run "$$($(MAKE) where)"

.PHONY: packages
packages: need-rust need-cc need-python3 need-node binaries ## build wheel and npm package of the emulator, and use them; run the images
	@RUSTFLAGS='-C target-feature=+crt-static' $(CARGO) build -p acs-emulator --target "$$($(MAKE) host)"
	@tests/packages/run "$$($(MAKE) where)/../$$($(MAKE) host)/debug/acs-emulator" "$$($(MAKE) where)"

.PHONY: crates
crates: need-rust need-cc need-python3 ## pack and compile what is published on crates.io (some minutes)
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && python3 -B shared/acs-client/publish.py "$$copy/crates"

# Prints the target of rustc for this machine. With it, RUSTFLAGS do not apply to build scripts.
.PHONY: host
host:
	@rustc -vV | sed -n 's/^host: //p'

.PHONY: audit
audit: need-node ## look for secrets, unclear words, equal names, circles, licences, missing hashes
	@tests/audit/run
	@tests/audit/words
	@tests/audit/cargo-deny >/dev/null # the next line runs without a network
	@$(LOOPBACK) python3 -B -m unittest discover -q tests/audit
	@python3 -B -m unittest discover -q tests/suites
	@python3 -B tests/audit/names.py
	@python3 -B tests/audit/structure.py
	@python3 -B tests/audit/installs.py
	@tests/audit/workflows/run
	@tests/audit/dependencies

.PHONY: bench
bench: ## measure the functions of a token request beside a bare function
	$(CARGO) build --release -p issue-access-token -p authorize-caller -p bench
	@"$$($(MAKE) where)/../release/bench"

.PHONY: bench-peers
bench-peers: need-node ## compare the first token with Microsoft's SDKs as functions (after `make interop`)
	$(CARGO) build --release -p issue-access-token -p authorize-caller -p bench
	@target="$$($(MAKE) where)/.." && \
	  "$$target/release/bench" "$$target/interop/venv/bin/python" "$$(command -v node)" "$(CURDIR)/tests/interop"

.PHONY: build
build: need-rust need-cc need-python3 ## build the release artefacts, with SBOMs and checksums
	@infra/build/run $(BUILD)
# ARCH is arm64 or x86_64; the default is the architecture of this machine.
BUILD = $(if $(ARCH),--arch $(ARCH))

.PHONY: reproducible
reproducible: need-rust need-cc need-python3 ## build the artefacts twice and compare their bytes
	@infra/build/reproducible $(BUILD)

.PHONY: sign
sign: need-python3 ## sign the checksums of the artefacts with a key of minisign (KEY=)
	@KEY='$(KEY)' infra/sign/run sign "$${ARTEFACTS:-target/lambda}"

.PHONY: deploy
deploy: need-python3 ## deploy the artefacts to AWS; asks for parameters the first time (CONFIG=)
	@infra/deploy/run deploy

.PHONY: validate
validate: need-python3 ## validate the file CONFIG for `make deploy`; needs no credentials
	@infra/deploy/run validate

.PHONY: secret
secret: need-python3 ## store the connection string of ACS in Secrets Manager
	@infra/deploy/run secret

.PHONY: verify
verify: need-python3 ## check the deployed stack with a token, an event and a cleanup (BEARER)
	@test -z "$(filter command line,$(origin BEARER))" || test "$$BEARER" = - || \
	  { echo "verify: BEARER must not be an argument, which other users can see: set it in the environment" >&2; exit 2; }
	@infra/deploy/run verify

.PHONY: rollback
rollback: need-python3 ## return to the deployment before, in seconds; asks first (YES=1)
	@infra/deploy/run rollback

.PHONY: restore
restore: need-python3 ## restore the table to an earlier TIME, into a new table (TABLE=)
	@infra/deploy/run restore

.PHONY: destroy
destroy: need-python3 ## delete the stack, but not its tables; lists both and asks first
	@infra/deploy/run destroy

.PHONY: binaries
binaries:
	@echo "building the functions, the local stack and guestpass (some minutes the first time)"
	@$(CARGO) build $(PACKAGES)

# Prints the directory of cargo's debug binaries, which CARGO_TARGET_DIR or a config file can set.
.PHONY: where
where:
	@cargo metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1\/debug/'

need-%:
	@command -v $(patsubst rust,cargo,$*) >/dev/null || { echo "$* is missing: $(NEED_$*)" >&2; exit 1; }
NEED_rust    := install it from https://rustup.rs
NEED_cc      := some crates are C; install a C compiler (Debian: build-essential, macOS: xcode-select --install)
NEED_python3 := the tests run the official Python SDK; install python3 with its venv module
NEED_node    := the tests run the official JavaScript SDK; install Node.js 20 or newer
