GO ?= go
BIN := bin
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

.PHONY: help build build-server build-simulator rehearse sandbox run check test lint format \
	vulncheck fmt bench microbench conformance peers mutants fair image compose unit man sbom reproducible release manifests screenshots \
	crash failover upgrade clean

help:
	@echo "make rehearse   rehearse the sample company's rollout in a sandbox, and write a report"
	@echo "make sandbox    both consoles in a browser, on the sample company before SCIM"
	@echo "make run        serve a demo instance on SQLite in ./muster.db"
	@echo "make check      the linter and the quick tests: for every few minutes"
	@echo "make test       all tests, on SQLite and PostgreSQL"
	@echo "make lint       golangci-lint and gofumpt"
	@echo "make fmt        format the code as make lint wants it"
	@echo "make bench      ours against the limit of this machine, on PostgreSQL; writes"
	@echo "                BENCHMARKS.md; FULL=1 up to a million users; OLD=<commit> beside that"
	@echo "make fair       one instance beside another that asks for the worst it may, on both engines"
	@echo "make microbench Go benchmarks of the inner parts, with allocations"
	@echo "make crash      break server, database and network under load, and prove that nothing is"
	@echo "                lost; ROUNDS=100"
	@echo "make failover   kill the primary of three PostgreSQLs under Patroni, in mid-cycle; ROUNDS=5"
	@echo "make upgrade    the old version OLD=<commit> and this one side by side, while a cycle runs"
	@echo "make image      container images of both commands, FROM scratch"
	@echo "make compose    the images with PostgreSQL and a proxy, as deploy/compose.yaml says"
	@echo "make unit       deploy/muster-server.service under a real systemd, in a container"
	@echo "make man        manual pages and completions, in build/"
	@echo "make sbom       what the programs are made of, as CycloneDX, in build/"
	@echo "make reproducible  build twice from fresh clones, and compare"
	@echo "make release    archives, packages, checksums, SBOMs and images of the tag, in build/release"
	@echo "make screenshots  the pictures in docs/images, with Chromium"
	@echo "make mutants    put deliberate defects into the server; show which scenario notices each"
	@echo "make peers      what others wrote about SCIM: clients, recorded requests and grammar"
	@echo "make conformance TARGET=<base url> TOKEN=<key>"
	@echo "                RFC scenarios against any server; with ALL=1 the guide's, too"

# Static, and the same bits from the same commit wherever it is built.
build:
	@mkdir -p $(BIN)
	@$(MAKE) --no-print-directory -j2 build-server build-simulator

build-server build-simulator: build-%:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -o $(BIN)/muster-$* ./$*

rehearse: build
	scripts/rehearse

sandbox: build
	$(BIN)/muster-simulator sandbox

run: build
	$(BIN)/muster-server serve --demo

# The linter, and the tests that start no processes and need no PostgreSQL.
check: format
	$(BIN)/golangci-lint run ./...
	$(GO) test -short ./...

# -count=1: a result from the cache would say nothing of the database. The
# features leave their reports in build/reports, and take the commands that are
# built already. Much of it waits, so that more packages run than there are
# processors; vet is part of make lint.
test: build
	@mkdir -p build/reports
	MUSTER_TEST_REPORTS=$(CURDIR)/build/reports MUSTER_TEST_COMMANDS=$(CURDIR)/$(BIN) \
		$(GO) run ./scripts/withpostgres $(GO) test -count=1 -p 5 -vet=off \
		-timeout 30m ./...

lint: format vulncheck manifests
	$(BIN)/golangci-lint run ./...

format: $(BIN)/golangci-lint
	@list=$$($(BIN)/gofumpt -l $(SOURCES)); test -z "$$list" || \
		{ echo "not formatted; run make fmt:"; echo "$$list"; exit 1; }

vulncheck: $(BIN)/golangci-lint
	@scripts/vulncheck $(BIN)/govulncheck

fmt: $(BIN)/golangci-lint
	$(BIN)/gofumpt -w $(SOURCES)

SOURCES = buildinfo deploy docs example features mailtest queue screen scripts server simulator spec

# The tools have a go.mod of their own, so that theirs and ours do not mix.
$(BIN)/golangci-lint: tools/go.mod tools/go.sum
	@mkdir -p $(BIN)
	cd tools && $(GO) build -o ../$(BIN)/ mvdan.cc/gofumpt golang.org/x/vuln/cmd/govulncheck \
		github.com/golangci/golangci-lint/v2/cmd/golangci-lint \
		github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
	@touch $@

# One instance beside another that asks for the worst it may, on both engines;
# ends with an error if the bound is broken. USERS is how many the other has.
fair: build
	@mkdir -p build
	$(GO) build -o build/bench ./scripts/bench
	build/bench -users "" -fair $(or $(USERS),100000) -time 4s $(if $(JSON),-json build/fair.json)

# The tables go to BENCHMARKS.md. FULL=1 adds a million users, a thousand
# instances, and two servers, and puts a summary into the README. OLD=<commit>
# provisions the company by that version, too.
bench: build
	@mkdir -p build
	$(GO) build -o build/bench ./scripts/bench
	$(if $(OLD),scripts/old-binaries $(OLD) build/old-binaries)
	build/bench -out BENCHMARKS.md -json build/bench.json -fair 100000 -events \
		-first-sync $(if $(FULL),100000 -full -readme docs/benchmarks.md,20000) \
		$(if $(OLD),-old build/old-binaries)

microbench:
	$(GO) test -run '^$$' -bench 'Parse|RowSecurity|Requests' -benchmem ./server/...

# Images hold nothing but a program; no base image is pulled.
image: build
	@mkdir -p build
	$(GO) run ./scripts/image -program $(BIN)/muster-server \
		-tag muster-server:latest -out build/muster-server.tar \
		-command serve -env MUSTER_LISTEN=:8080 -description "A SCIM 2.0 server"
	$(GO) run ./scripts/image -program $(BIN)/muster-simulator \
		-tag muster-simulator:latest -out build/muster-simulator.tar \
		-command --help -description "An identity provider that provisions users over SCIM"
	docker load --quiet --input build/muster-server.tar
	docker load --quiet --input build/muster-simulator.tar

compose: image
	$$(docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose) \
		-f deploy/compose.yaml up --detach

unit: build
	scripts/try-unit

man: build
	@mkdir -p build/man build/completion
	$(BIN)/muster-server man build/man
	$(BIN)/muster-simulator man build/man
	@for name in muster-server muster-simulator; do for shell in bash zsh fish; do \
		$(BIN)/$$name completion $$shell > build/completion/$$name.$$shell; done; done

sbom: build $(BIN)/golangci-lint
	@mkdir -p build
	@for name in server simulator; do $(BIN)/cyclonedx-gomod bin -json -noserial \
		-output build/muster-$$name.cdx.json $(BIN)/muster-$$name || exit 1; done
	@ls build/*.cdx.json

reproducible:
	scripts/reproducible

# A snapshot, where the commit has no tag.
release: $(BIN)/goreleaser $(BIN)/golangci-lint
	scripts/release

# The tool brings so many modules that it has a go.mod of its own.
$(BIN)/goreleaser: tools/release/go.mod
	@mkdir -p $(BIN)
	cd tools/release && $(GO) build -o ../../$(BIN)/ github.com/goreleaser/goreleaser/v2

screenshots: build
	scripts/screenshots

# Kubernetes' objects against the types of its API.
manifests:
	@mkdir -p $(BIN)
	@cd tools/manifests && $(GO) build -o ../../$(BIN)/manifests .
	@$(BIN)/manifests deploy/kubernetes

# A short campaign is part of make test.
crash: build
	$(GO) run ./scripts/crash -rounds $(or $(ROUNDS),10) $(if $(SEED),-seed $(SEED)) \
		-out build/crash.md

# OLD is a commit or tag, such as the version that runs in production.
upgrade: build
	@test -n "$(OLD)" || { echo "usage: make upgrade OLD=<commit of the version that runs>"; exit 2; }
	scripts/old-binaries $(OLD) build/old-binaries
	$(GO) run ./scripts/crash -upgrade-from build/old-binaries/muster-server -out build/upgrade.md

# Three PostgreSQLs under Patroni; the image is made where it is missing.
failover: build
	scripts/postgres-image --cluster
	$(GO) run ./scripts/crash -failover -rounds $(or $(ROUNDS),5) $(if $(SEED),-seed $(SEED)) \
		-out build/failover.md

mutants:
	$(GO) run ./scripts/mutants $(if $(ONLY),-only "$(ONLY)")

conformance: build
	@test -n "$(TARGET)" || { \
		echo "usage: make conformance TARGET=https://scim.example.com/scim/v2 TOKEN=..."; exit 2; }
	@MUSTER_TOKEN="$(TOKEN)" $(BIN)/muster-simulator check --target "$(TARGET)" \
		$(if $(ALL),,--protocol) $(if $(JUNIT),--junit "$(JUNIT)") $(if $(JSON),--json)

# Their versions are those in go.mod.
peers:
	@$(GO) run ./scripts/peers $(if $(JSON),-json)

clean:
	rm -rf $(BIN) rehearsal build
