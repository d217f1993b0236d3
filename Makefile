# The two commands: `make quickstart` and `make test`. `make` alone lists them all.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
CONDUCTOR := $(TARGET_DIR)/release/conductor
MODEL := models/smollm2-135m-instruct
# How `make models` calls the program: `make test` sets it to the unoptimised build, which the tests need anyway.
RUN ?= cargo run --quiet --release --

# Set where a long target has done the set-up already.
SETUP_DONE ?=

# Seconds since the start, before each part of a long target.
stage = @printf '\n==> [%4ds] %s\n' "$$(( $$(date +%s) - $(STARTED) ))" '$(1)'
STARTED := $(shell date +%s)

.PHONY: help
help: ## This list
	@printf 'Targets:\n'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 16

.PHONY: setup
setup: ## Give this checkout a libtorch (an existing LIBTORCH is respected)
	@if [[ -z "$(SETUP_DONE)" ]]; then scripts/setup_libtorch.sh; fi

.PHONY: models
models: setup ## Bring the policy of the quick start, SmolLM2-135M-Instruct
	@scripts/fetch_models.sh
	@if [[ -f $(MODEL)/config.json && -f $(MODEL)/model.safetensors ]]; then \
	  echo '    $(MODEL)/ is there' >&2; \
	else \
	  echo '==> Making the Hugging Face folder $(MODEL)/' >&2; \
	  $(RUN) checkpoint import-gguf $(MODEL).gguf --out $(MODEL); \
	fi

.PHONY: tasks
tasks: ## Bring the tasks of the presets: HumanEval and reasoning-gym
	@scripts/fetch_tasks.sh

.PHONY: build
build: setup ## Build the program, optimised
	@echo '==> Building $(CONDUCTOR) (10 to 20 minutes on two cores the first time)' >&2
	@scripts/check_disk.sh $(TARGET_DIR)/release 3000
	@cargo build --release

.PHONY: check-gpu
check-gpu: oracle build models tasks ## On a machine with a GPU: this program against transformers on it, and the speed of both
	@.oracle-venv/bin/python scripts/check_gpu.py --conductor $(CONDUCTOR) --out $(TARGET_DIR)/check-gpu.json

.PHONY: quickstart
quickstart: ## Set up, build, train a router on recorded answers, evaluate it
	$(call stage,Set-up)
	@$(MAKE) --no-print-directory setup
	$(call stage,Build)
	@$(MAKE) --no-print-directory build SETUP_DONE=1
	$(call stage,Model and tasks)
	@$(MAKE) --no-print-directory models tasks SETUP_DONE=1
	$(call stage,Training (interrupt it whenever you like: make quickstart goes on from there))
	@$(CONDUCTOR) train configs/presets/quickstart.toml
	$(call stage,Evaluation on held-out tasks)
	@$(CONDUCTOR) eval runs/quickstart
	@printf '\nThe run lies in runs/quickstart/. What next: README.md, "Your own run".\n'

.PHONY: test
test: ## Set up what is missing, then every check and every test
	$(call stage,Set-up)
	@scripts/check_disk.sh $(TARGET_DIR)/debug 8000
	@$(MAKE) --no-print-directory setup tasks
	$(call stage,Format)
	@cargo fmt --all --check || { echo ' next: make fmt' >&2; exit 1; }
	$(call stage,Lint)
	@cargo clippy --workspace --all-targets --quiet -- -D warnings
	$(call stage,Licences and advisories)
	@if cargo deny --version >/dev/null 2>&1; then \
	  cargo deny --log-level warn check; \
	else \
	  echo '    skipped: cargo-deny is not installed (cargo install cargo-deny)'; \
	fi
	$(call stage,Model)
	@$(MAKE) --no-print-directory models SETUP_DONE=1 RUN='cargo run --quiet --'
	$(call stage,Tests)
	@export CONDUCTOR_ORACLE_PYTHON="$${CONDUCTOR_ORACLE_PYTHON:-$$(if [[ -x .oracle-venv/bin/python ]]; then echo "$$PWD/.oracle-venv/bin/python"; fi)}"; \
	if [[ -z "$$CONDUCTOR_ORACLE_PYTHON" ]]; then \
	  unset CONDUCTOR_ORACLE_PYTHON; \
	  echo '    live comparisons with transformers and TRL are skipped, the committed ones run (make oracle brings both)'; \
	fi; \
	if [[ -z "$${CONDUCTOR_DEV_DATA:-}" ]]; then echo '    tests on development data are skipped: CONDUCTOR_DEV_DATA is not set'; fi; \
	if cargo nextest --version >/dev/null 2>&1; then \
	  cargo nextest run --workspace; \
	else \
	  echo '    cargo-nextest is not installed, so cargo test runs the tests'; \
	  cargo test --workspace --lib --bins --tests; \
	fi
	$(call stage,Tests in the documentation)
	@cargo test --workspace --doc --quiet
	$(call stage,All checks passed)

.PHONY: lint
lint: setup ## Format check and clippy, warnings being errors
	@cargo fmt --all --check || { echo ' next: make fmt' >&2; exit 1; }
	@cargo clippy --workspace --all-targets -- -D warnings

.PHONY: bench-sandbox
bench-sandbox: build ## Measure the sandbox beside the official evaluator's way of working
	@$(CONDUCTOR) bench sandbox

.PHONY: bench-rollout
bench-rollout: build ## Measure the scheduler of episodes beside the reference's schedule
	@$(CONDUCTOR) bench rollout

.PHONY: fuzz
fuzz: ## Fuzz the workflow parser for FUZZ_SECS seconds (600); needs nightly Rust and cargo-fuzz
	@mkdir -p fuzz/found/workflow_parse
	@cp Cargo.lock fuzz/Cargo.lock
	@cargo +nightly fuzz run workflow_parse fuzz/found/workflow_parse fuzz/corpus/workflow_parse -- \
	  -dict=fuzz/workflow_parse.dict -max_len=2048 -timeout=20 -max_total_time=$${FUZZ_SECS:-600}

.PHONY: fmt
fmt: ## Format the code
	@cargo fmt --all

.PHONY: oracle
oracle: ## Bring transformers, PEFT and TRL, for the tests that compare with them live
	@scripts/setup_oracle.sh

.PHONY: local-pool
local-pool: ## Serve three small models on this machine, for live workers
	@scripts/local_pool.sh

.PHONY: clean
clean: ## Remove what was built; set-up, models, tasks and runs stay
	@cargo clean
	@echo 'Kept: .venv .libtorch models/ data/ runs/. Remove them by hand for a checkout as new.'
