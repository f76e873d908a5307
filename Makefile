GO ?= go
BIN := bin
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

.PHONY: help build rehearse run test lint fmt bench microbench conformance mutants clean

help:
	@echo "make rehearse   rehearse the sample company's rollout in a sandbox, and write a report"
	@echo "make run        serve a demo instance on SQLite in ./muster.db"
	@echo "make test       all tests, on SQLite and PostgreSQL"
	@echo "make lint       golangci-lint and gofumpt"
	@echo "make fmt        format the code as make lint wants it"
	@echo "make bench      ours against the limit of this machine, on PostgreSQL; writes BENCHMARKS.md; FULL=1 up to a million users"
	@echo "make microbench Go benchmarks of the inner parts, with allocations"
	@echo "make mutants    put deliberate defects into the server, and show which scenario notices each"
	@echo "make conformance TARGET=<base url> TOKEN=<key>   RFC scenarios against any server; with ALL=1 the guide's, too"

build:
	@mkdir -p $(BIN)
	$(GO) build -trimpath -o $(BIN)/muster-server ./server
	$(GO) build -trimpath -o $(BIN)/muster-simulator ./simulator

rehearse: build
	scripts/rehearse

run: build
	$(BIN)/muster-server serve --demo

# -count=1: a result from the cache would say nothing of the database. The
# features leave their reports in build/reports.
test:
	@mkdir -p build/reports
	MUSTER_TEST_REPORTS=$(CURDIR)/build/reports $(GO) run ./scripts/withpostgres $(GO) test -count=1 -timeout 30m ./...

lint: $(BIN)/golangci-lint
	@test -z "$$($(BIN)/gofumpt -l $(SOURCES))" || { echo "not formatted; run make fmt:"; $(BIN)/gofumpt -l $(SOURCES); exit 1; }
	$(BIN)/golangci-lint run ./...

fmt: $(BIN)/golangci-lint
	$(BIN)/gofumpt -w $(SOURCES)

SOURCES = example features scripts server simulator spec

# The tools have a go.mod of their own, so that theirs and ours do not mix.
$(BIN)/golangci-lint: tools/go.mod tools/go.sum
	@mkdir -p $(BIN)
	cd tools && $(GO) build -o ../$(BIN)/ github.com/golangci/golangci-lint/v2/cmd/golangci-lint mvdan.cc/gofumpt
	@touch $@

# The table goes to BENCHMARKS.md, which the README quotes. FULL=1 adds a
# million users, a thousand instances, and two servers.
bench: build
	@mkdir -p build
	$(GO) build -o build/bench ./scripts/bench
	build/bench -out BENCHMARKS.md -json build/bench.json $(if $(FULL),-full)

microbench:
	$(GO) test -run '^$$' -bench 'Parse|Confined|Requests' -benchmem ./server/...

mutants:
	$(GO) run ./scripts/mutants $(if $(ONLY),-only "$(ONLY)")

conformance: build
	@test -n "$(TARGET)" || { echo "usage: make conformance TARGET=https://scim.example.com/scim/v2 TOKEN=..."; exit 2; }
	@MUSTER_TOKEN="$(TOKEN)" $(BIN)/muster-simulator check --target "$(TARGET)" $(if $(ALL),,--protocol) $(if $(JUNIT),--junit "$(JUNIT)") $(if $(JSON),--json)

clean:
	rm -rf $(BIN) rehearsal build
