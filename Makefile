# Every target begins with the set-up and can be run again; nothing but make, Python and Node is needed.
.DEFAULT_GOAL := help
.PHONY: help setup contracts check format test demo serve bench night lock clean

SHELL := /bin/sh
export ETH_HASH_BACKEND := pysha3
export PIP_DISABLE_PIP_VERSION_CHECK := 1

BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install -qq
FORGE ?= $(CURDIR)/node_modules/.bin/forge
# forge 1.7.1 crashes (any code above 1) on a build cache older than a library split; built anew it runs.
FORGE_TEST = { $(FORGE) test; code=$$?; if [ $$code -gt 1 ]; then \
	echo 'forge crashed on its build cache: building anew'; $(FORGE) clean && $(FORGE) test; \
	else exit $$code; fi; }
CODE := $(wildcard app solver adapters migrations bench tests)
SOLIDITY := $(wildcard contracts/src contracts/test)
PYTEST_ARGS ?=
PART ?=

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.stamp node_modules/.stamp ## Install what requirements.lock and package-lock.json pin

demo: setup ## One signed covered call, from typed data to the chain; writes receipt.json
	@$(BIN)/solvent demo

serve: setup ## Leave the API, its docs page and a local chain running
	@$(BIN)/solvent serve

contracts: setup ## Compile contracts/src into contracts/artifacts
	@node contracts/build.mjs

check: setup python-check solidity-check ## Format, lint and strict types: under a minute

# Parts of check and test: forge compiles on one core while types are checked on the other.
.PHONY: python-check solidity-check solidity-test solidity
solidity: solidity-check solidity-test

python-check: setup
	@echo '== format and lint'
	@$(BIN)/ruff format --check --output-format concise $(CODE) || { echo 'badly formatted: run make format'; exit 1; }
	@$(BIN)/ruff check --quiet $(CODE)
	@echo '== types'
	@$(BIN)/mypy $(CODE)

solidity-check: setup
	@echo '== solidity format and lint'
	@if [ -z '$(SOLIDITY)' ]; then echo 'skipped: there is no contract yet'; \
	elif ! $(FORGE) --version >/dev/null 2>&1; then echo 'skipped: forge does not run here; set FORGE to one that does'; \
	else cd contracts && { $(FORGE) fmt --check >/dev/null || { echo 'badly formatted: run make format'; exit 1; }; } \
	&& FOUNDRY_OUT=out/lint FOUNDRY_CACHE_PATH=cache/lint $(FORGE) lint --quiet --deny warnings; fi

solidity-test: setup solidity-check
	@echo '== solidity tests'
	@if [ ! -d contracts/test ]; then echo 'skipped: there is no contract test yet'; \
	elif ! $(FORGE) --version >/dev/null 2>&1; then echo 'skipped: forge does not run here; set FORGE to one that does'; \
	else cd contracts && export FORGE_SNAPSHOT_CHECK=true && $(FORGE_TEST); fi

format: setup ## Rewrite what the formatters can
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/ruff check --fix $(CODE)
	@if [ -n '$(SOLIDITY)' ]; then cd contracts && $(FORGE) fmt; fi

test: setup ## check, then every test but the night's; says what it skipped and why
	@$(MAKE) --no-print-directory -j2 --output-sync=target python-check solidity
	@echo '== python tests'
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)
	@echo "not run: the long tests, by design: make night PART=x"

bench: setup ## Run every file of bench/, one claim each
	@for file in bench/*.py; do [ -f "$$file" ] || continue; \
	echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

night: setup ## Long runs: PART=contracts (10,000 fuzz runs) or a word of a long test's name
	@if [ -z '$(PART)' ]; then echo 'say which: PART=contracts, or one of:'; \
	grep -rl 'mark.night$$' tests --include='*.py' | sed 's|.*/test_|  PART=|; s|.py$$||'; exit 2; \
	elif [ '$(PART)' = contracts ]; then cd contracts && export FOUNDRY_PROFILE=night && $(FORGE_TEST); \
	else HYPOTHESIS_PROFILE=night $(BIN)/python -m pytest -m night -k '$(PART)' $(PYTEST_ARGS); fi

lock: ## Resolve both lock files again (needs uv)
	@command -v uv >/dev/null || { echo 'uv is missing: https://docs.astral.sh/uv'; exit 1; }
	@uv pip compile pyproject.toml --extra dev --universal --generate-hashes \
	--no-emit-index-url --no-header --quiet -o requirements.lock
	@npm install --package-lock-only --loglevel=error

clean: ## Remove what builds, tests and runs leave; installed packages stay
	@rm -rf contracts/out contracts/cache var .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis receipt.json
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- set-up: a stamp inside each folder, older than its lock file means stale

.venv/.stamp: requirements.lock pyproject.toml
	@python=$$(for name in python3.11 python3.12 python3.13 python3; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { echo $$name; break; }; done; true); \
	if [ -z "$$python" ]; then \
	echo 'missing: Python 3.11 to 3.13. Debian 12: apt install python3 python3-venv; else python.org/downloads'; exit 1; fi; \
	if $(BIN)/python -c '' 2>/dev/null; then :; \
	elif command -v uv >/dev/null; then uv venv --quiet --clear --python "$$python" .venv; \
	elif ! "$$python" -c 'import ensurepip' 2>/dev/null; then \
	echo "missing: the venv module of $$python. Debian: apt install python3-venv"; exit 1; \
	else "$$python" -m venv --clear .venv; fi
	@echo "setup 1/2: $$(grep -c '^[a-z].*==' requirements.lock) Python packages; a minute the first time"
	@if command -v uv >/dev/null; then \
	uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock \
	&& uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else $(PIP_INSTALL) --require-hashes -r requirements.lock \
	&& $(PIP_INSTALL) --no-deps --no-build-isolation -e .; fi
	@touch $@

node_modules/.stamp: package-lock.json package.json .npmrc
	@major=$$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0); \
	if [ "$$major" -lt 20 ] || ! command -v npm >/dev/null; then \
	echo 'missing: Node 20 or newer with npm. Get it at nodejs.org/download or from your distribution'; exit 1; fi
	@echo 'setup 2/2: npm packages (local chain, Solidity compiler, protocol artifacts)'
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
	@$${ANVIL_BIN:-node_modules/.bin/anvil} --version >/dev/null 2>&1 || \
	echo 'note: anvil does not run here (Linux x86-64 with glibc is packaged); set ANVIL_BIN to one that does'
