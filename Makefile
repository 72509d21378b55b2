# The two commands to know:
#   make dev    builds Barid and starts a complete local mail system on loopback
#   make test   installs the programs the suite talks to (as root, on Debian) and runs everything

export CGO_ENABLED = 0
GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
PACKAGES  = ./...
RACED     = ./base/... ./mail/... ./flow/... ./serve/... ./store/memory/...

.PHONY: dev build test check full bench bench-imap fuzz soak sizes peers standards fmt clean help

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 16

build: ## the static binary bin/barid
	@mkdir -p bin
	$(GO) build -trimpath -ldflags "-s -w -X barid/app.Version=$(VERSION)" -o bin/barid ./cmd/barid

dev: build ## a complete local mail system on loopback, no configuration
	./bin/barid dev $(ARGS)

peers: ## install the programs that the suite talks to
	@bash tools/peers/install

test: peers build ## everything, with real peers
	$(GO) vet $(PACKAGES)
	$(GO) test -count=1 -timeout 45m $(PACKAGES)

check: ## before every commit: format, vet, staticcheck, rules of the house, quick tests
	@out=$$($(GO) tool gofumpt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "not formatted (make fmt):"; echo "$$out"; exit 1; }
	$(GO) vet $(PACKAGES)
	$(GO) tool staticcheck $(PACKAGES)
	$(GO) mod tidy -diff
	$(GO) test -short -timeout 5m $(PACKAGES)

full: peers build ## before a release: more seeds, the race detector
	BARID_SEEDS=10000 $(GO) test -count=1 -timeout 170m $(PACKAGES)
	CGO_ENABLED=1 $(GO) test -race -short -timeout 60m $(RACED)

bench: peers build ## the figures of docs/develop/benchmarks.md
	bash tools/bench/run

bench-imap: peers build ## IMAP beside Dovecot in one run; BARID_BENCH_MESSAGES=100000 for a big mailbox
	$(GO) test -run='^$$' -bench=IMAP -benchtime=$(or $(BENCHTIME),1s) -timeout 60m ./e2e/bench

fuzz: ## every fuzz target for FUZZTIME (default 20s)
	bash tools/fuzz/run $(or $(FUZZTIME),20s)

soak: build ## deliveries under random kills for SOAKTIME (default 10m)
	BARID_SOAK=$(or $(SOAKTIME),10m) $(GO) test -count=1 -timeout 0 -run Soak ./e2e/crash

sizes: ## the five largest functions and files
	@$(GO) run ./tools/sizes

standards: ## write docs/standards.md from the comments of the code
	$(GO) run ./tools/standards > docs/standards.md

fmt: ## format
	$(GO) tool gofumpt -w $$(git ls-files '*.go')

clean: ## take away what was built
	rm -rf bin
