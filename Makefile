# Skydeck: `make run` opens the console on a cloud of this machine; `make help` lists the rest.

# Arguments for the program: make run ARGS="--read-only"
ARGS ?=
# A cloud of several hosts: make lab HOSTS=5, or with another build: make lab PROGRAM=target/debug/skydeck
HOSTS ?= 3
# What carries its networks between hosts, bridge or ovn: make lab ENGINE=ovn
ENGINE ?= bridge
PROGRAM ?=

setup := config/setup
as_root := $(if $(filter 0,$(shell id -u)),,sudo)
# Integration tests make namespaces and guests, which only root may.
ifneq ($(as_root),)
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER ?= sudo -E
endif

.DEFAULT_GOAL := help
.PHONY: help run demo lab build test lint bench picture setup-build setup-test

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: build ## Open the console on this machine's cloud; installs and starts what that needs
	@$(setup)/packages $(setup)/run.packages
	@$(setup)/services
	@$(as_root) target/release/skydeck $(ARGS)

demo: build ## Open the console on a simulated fleet
	@target/release/skydeck demo $(ARGS)

lab: $(if $(PROGRAM),setup-build,build) ## Try a cloud of three hosts, made of namespaces; leaving its console takes it away
	@$(setup)/packages $(setup)/run.packages config/lab/packages tests/guest/packages $(if $(filter ovn,$(ENGINE)),config/lab/ovn.packages)
	@tests/guest/build >/dev/null || echo "lab: going on without an image for guests" >&2
	@$(as_root) config/lab/lab.sh $(or $(PROGRAM),target/release/skydeck) $(HOSTS) target/guest/guest.qcow2 $(ENGINE)

build: setup-build ## Build the program
	@cargo build --release --locked

test: setup-test lint ## Check format, lints and all tests, with real guests
	@if cargo nextest --version >/dev/null 2>&1; \
	then cargo nextest run --locked --features failpoints; \
	else cargo test --locked --features failpoints; fi

lint: setup-build ## Check format and lints
	@cargo fmt --check
	@cargo clippy --locked --all-targets --features failpoints -- -D warnings

bench: setup-test ## Measure against the budgets
	@cargo bench --locked

picture: setup-test ## Take the README's picture anew
	@cargo bench --locked -- picture

setup-build: ## Install what building needs
	@$(setup)/toolchain
	@$(setup)/packages $(setup)/build.packages

setup-test: setup-build ## Install what the tests need
	@$(setup)/packages $(setup)/run.packages $(setup)/test.packages tests/guest/packages
