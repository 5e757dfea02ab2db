# Tollgate's errands. `make` lists them.
.DEFAULT_GOAL := help
SHELL := bash

.PHONY: help
help: ## list what can be done
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.PHONY: dev
dev: ## run everything here, with the sandbox
	go run .

.PHONY: test
test: ## the tests that need only Go (databases and browser where present)
	go test ./...

ENGINE ?= sqlite
SEEDS ?= 1000
FROM ?= 1
.PHONY: simulate
simulate: ## simulated months of faults: SEEDS=1000 FROM=1; one of them again: SEED=7
	go test ./internal/simulate -run '^TestSimulator$$' -timeout 24h $(if $(SEED),-v -sim.seed=$(SEED),-sim.seeds=$(SEEDS) -sim.from=$(FROM))

.PHONY: orders
orders: ## every order of webhooks: ENGINE=sqlite, postgres or mysql
	TOLLGATE_TEST_LONG=1 go test ./internal/simulate -run '^TestEveryOrder' -v -timeout 24h -orders.engine=$(ENGINE)

ROUNDS ?= 1000
.PHONY: chaos
chaos: ## kill -9 under load and compare the books: ENGINE=sqlite, postgres or mysql, ROUNDS=1000
	go test . -run '^TestCallsAreCountedOnceWhateverIsKilled$$' -v -timeout 24h -chaos.engine=$(ENGINE) -chaos.rounds=$(ROUNDS)

SECONDS_EACH ?= 15
.PHONY: bench
bench: ## the gateway beside nginx and Go's own proxy (wants nginx and wrk), then the benchmarks
	go test . -run '^TestSideBySide$$' -v -timeout 1h -side=$(SECONDS_EACH)s -side.engine=$(ENGINE)
	go test ./gateway/... ./usage ./sandbox -run '^$$' -bench . -benchmem -timeout 1h

.PHONY: tools
tools: ## install what builds pages and drives them (npm)
	cd tools/ui && npm install --no-save --no-audit --no-fund --ignore-scripts

.PHONY: generate
generate: templ css ## make all generated files again

.PHONY: templ
templ: ## Go code of the templates
	go tool templ generate

.PHONY: css
css: ## the style sheets, from the templates and the tokens
	tools/ui/css

.PHONY: golden
golden: ## accept the pages as they are now rendered
	go test ./views/... ./sandbox/... -run . -update

.PHONY: lint
lint: ## formatting and vet
	@test -z "$$(gofmt -l $$(git ls-files '*.go' | grep -v _templ.go))" || { gofmt -l $$(git ls-files '*.go' | grep -v _templ.go); exit 1; }
	go vet ./...

.PHONY: ci
ci: ## everything that has to pass before a change lands
	.ci/run
