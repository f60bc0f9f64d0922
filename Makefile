# Everything a contributor does with Kibali; `make` lists it.
#
# Works with GNU make 3.81 and newer, on Linux and macOS, as root or not. It
# needs Go only: the other tools are built once, at the version that tools/
# pins, into the user's cache folder.

.DEFAULT_GOAL := help
.SUFFIXES:

# Binaries made here need no stamp of the version control system, and a clone
# without git builds as well.
GOFLAGS := $(strip $(GOFLAGS) $(if $(findstring -buildvcs,$(GOFLAGS)),,-buildvcs=false))
export GOFLAGS

ifeq ($(shell uname -s),Darwin)
CACHE := $(HOME)/Library/Caches/kibali
else
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/kibali
endif
TOOLS := $(CACHE)/bin

# A tool's file name carries what it was built from, so that it is built again
# when its pin or the compiler changes.
GO_VERSION := $(shell go env GOVERSION 2>/dev/null)
pin = $(GO_VERSION)-$(shell cat $(1)/go.mod $(1)/go.sum 2>/dev/null | cksum | cut -d' ' -f1)
GOLANGCI_LINT := $(TOOLS)/golangci-lint-$(call pin,tools/lint)
WORKFLOWCHECK := $(TOOLS)/workflowcheck-$(call pin,tools/lint)

# Two packages are tested at a time: each starts a PostgreSQL or a Temporal of
# its own when it needs one.
TEST_FLAGS ?= -p 2 -timeout 15m
PACKAGES ?= ./...

.PHONY: help dev test lint generate verify bench go build \
	fresh house workflowcheck replay

help: ## List what there is
	@awk 'BEGIN { FS = ":.*## "; print "make TARGET, where TARGET is one of\n" } \
		/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev: build ## Start all of Kibali on this machine; Ctrl-C stops it (ARGS="--listen 127.0.0.1:0")
	@exec bin/kibali dev $(ARGS)

build: go
	@echo "building kibali (a minute or two the first time) ..."
	@go build -tags nomsgpack -o bin/kibali ./cmd/kibali

test: go ## Run every test (PACKAGES=./store/... for some of them)
	@go run ./house/prepare
	@echo "testing $(PACKAGES) ..."
	@go test $(TEST_FLAGS) $(PACKAGES) || \
		{ echo "some tests failed: look for lines that begin with --- FAIL"; exit 1; }

lint: go $(GOLANGCI_LINT) ## Check the formatting and run the linters
	@unformatted=$$(gofmt -l $$(find . -name '*.go' -not -path './.kibali/*' -not -path './bin/*')); \
		if [ -n "$$unformatted" ]; then \
			echo "not formatted (gofmt -w them):"; echo "$$unformatted"; exit 1; fi
	@echo "linting ..."
	@$(GOLANGCI_LINT) run ./...

generate: go ## Write the generated files anew
	@go generate ./...

verify: fresh house workflowcheck replay ## Generated files current, import rules, workflowcheck, histories replay

bench: go ## Measure search, cases, credits, the gate and sign-ins against their floors (takes a while)
	@echo "building the bench ..."
	@go build -o bin/bench ./cmd/bench
	@bin/bench search $(SEARCH_ARGS)
	@bin/bench cases $(CASES_ARGS)
	@bin/bench ledger $(LEDGER_ARGS)
	@bin/bench gate $(GATE_ARGS)
	@bin/bench login $(LOGIN_ARGS)
	@bin/bench enumeration $(ENUMERATION_ARGS)

go:
	@command -v go >/dev/null || { echo "Go 1.26 or newer is needed: https://go.dev/dl/"; exit 1; }

# Generated files are compared in a copy of the tree, so that the check neither
# changes nor depends on what is uncommitted.
fresh: go
	@echo "verifying that generated files are current ..."
	@go run ./house/fresh

house: go
	@echo "verifying the project's own rules ..."
	@go test ./house/...

workflowcheck: go $(WORKFLOWCHECK)
	@echo "verifying that workflows are deterministic ..."
	@$(WORKFLOWCHECK) ./workflows/...

replay: go
	@echo "verifying that histories replay ..."
	@out=$$(go test ./workflows/... -run Replay -count=1 -v 2>&1) || { echo "$$out"; exit 1; }; \
		echo "$$out" | grep -q '^--- PASS' || { echo "no replay test was run:"; echo "$$out"; exit 1; }

$(GOLANGCI_LINT):
	@echo "building golangci-lint, once (a minute or two) ..."
	@mkdir -p $(TOOLS)
	@cd tools/lint && go build -o $@.part github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@mv $@.part $@

$(WORKFLOWCHECK):
	@echo "building workflowcheck, once ..."
	@mkdir -p $(TOOLS)
	@cd tools/lint && go build -o $@.part go.temporal.io/sdk/contrib/tools/workflowcheck
	@mv $@.part $@
