# The targets are the complete interface: CI runs only `make test`.
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
PACKAGES  := $(addprefix -p ,$(FUNCTIONS)) -p guestpass-cli -p local-stack
CARGO     := cargo --locked

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: need-rust need-cc binaries ## the whole service on localhost
	@exec "$$($(MAKE) where)/local-stack"

.PHONY: test
test: need-rust need-cc need-python3 need-node lint unit mutants-diff faults cost e2e build infra interop audit ## everything CI runs, in CI's order

.PHONY: lint
lint: ## rustfmt, clippy and rustdoc, warnings being errors
	cargo fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet

.PHONY: unit
unit: ## unit and contract tests
	$(CARGO) test $(UNIT)
UNIT := --workspace --exclude cli --exclude e2e --exclude faults --exclude scale

.PHONY: check
check: lint unit ## the fast loop: format, lint, unit tests

.PHONY: one
one: binaries ## the tests whose names contain T: make one T=r12
	@test -n "$(T)" || { echo "one: T is missing, for example: make one T=r12" >&2; exit 2; }
	$(CARGO) test $(UNIT) -- $(T)
	$(CARGO) test -p e2e -p cli -- $(T)
	$(CARGO) test -p faults -- $(T)

.PHONY: mutants
mutants: need-rust need-cc need-python3 ## mutation tests: a sample of 100 by MUTANTS_SEED, all with ALL=1, some with ONLY=regex
	@tests/mutants/run $(if $(ALL),--all) $(if $(ONLY),--only '$(ONLY)')

.PHONY: mutants-diff
mutants-diff: need-rust need-cc need-python3 ## mutation tests of the lines changed since MUTANTS_BASE, in five minutes at most
	@python3 -B -m unittest discover -q tests/mutants
	@tests/mutants/run --changed

.PHONY: faults
faults: binaries ## every interleaving of what may meet
	$(CARGO) test -p faults

.PHONY: cost
cost: binaries ## a cleanup and a token call cost the same in a table of 100,000 as in a small one
	$(CARGO) test -p scale -- --nocapture

.PHONY: scale
scale: ## the same with 1,000,000 identities and release binaries
	$(CARGO) build --release -p delete-stale-identities
	SCALE_IDENTITIES=1000000 $(CARGO) test --release -p scale -- --nocapture

.PHONY: e2e
e2e: binaries ## the real binaries under the local stack, through HTTP
	$(CARGO) test -p e2e -p cli
	@echo "once more, with an ACS that does otherwise wherever nobody knows what the real one does"
	ACS_THE_OTHER_WAY="$(OTHER_WAY)" $(CARGO) test -p e2e
OTHER_WAY := --issue-for-deleted --refuse-unknown-identities --accept-unknown-scopes \
             --refuse-newer-members --revoke-by-second --count-refused --no-retry-after

.PHONY: infra
infra: build ## the template: its rules, and what it deploys in an AWS on this machine
	@$(CARGO) build -p acs-emulator
	@tests/infra/run "$$($(MAKE) where)"

.PHONY: interop
interop: binaries ## Microsoft's own SDKs against the local stack
	@$(CARGO) build -p acs-client --example sign
	@tests/interop/run "$$($(MAKE) where)"

.PHONY: audit
audit: ## what the change may have let in: secrets, paths, files of no use, dependencies
	@tests/audit/run
	@tests/audit/words
	@tests/audit/dependencies

.PHONY: bench
bench: ## cold start, warm call, memory and size of issue-access-token, beside a bare function
	$(CARGO) build --release -p issue-access-token -p bench
	@"$$($(MAKE) where)/../release/bench"

.PHONY: build
build: need-rust need-cc need-python3 ## the release artefacts, with sizes, SBOMs and checksums
	@infra/build/run $(BUILD)
# ARCH=arm64 or x86_64, by default the architecture of this machine. PROFILE=dev builds faster, and
# its zips are too large.
BUILD = $(if $(ARCH),--arch $(ARCH)) $(if $(PROFILE),--profile $(PROFILE))

.PHONY: reproducible
reproducible: need-rust need-cc need-python3 ## the artefacts twice, in two places, to the same bytes
	@infra/build/reproducible $(BUILD)

.PHONY: deploy
deploy: need-python3 ## what was built, to AWS; the first time it asks
	@infra/deploy/run deploy

.PHONY: secret
secret: need-python3 ## the connection string of ACS, from standard input to Secrets Manager
	@infra/deploy/run secret

.PHONY: destroy
destroy: need-python3 ## the stack away from AWS, but not the table; says before what goes
	@infra/deploy/run destroy

.PHONY: binaries
binaries:
	@echo "building the functions, the local stack and guestpass (minutes the first time, then seconds)"
	@$(CARGO) build $(PACKAGES)

# The directory of cargo's debug binaries, as set by CARGO_TARGET_DIR or a config file.
.PHONY: where
where:
	@cargo metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1\/debug/'

need-%:
	@command -v $(patsubst rust,cargo,$*) >/dev/null || { echo "$* is missing: $(NEED_$*)" >&2; exit 1; }
NEED_rust    := install it from https://rustup.rs
NEED_cc      := some crates are C; install a C compiler (Debian: build-essential, macOS: xcode-select --install)
NEED_python3 := the tests run the official Python SDK; install python3 with its venv module
NEED_node    := the tests run the official JavaScript SDK; install Node.js 20 or newer
