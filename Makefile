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

SEEDS ?= 1000
FROM ?= 1
.PHONY: simulate
simulate: ## simulated months of faults: SEEDS=1000 FROM=1; one of them again: SEED=7
	go test ./internal/simulate -run '^TestSimulator$$' -timeout 24h $(if $(SEED),-v -sim.seed=$(SEED),-sim.seeds=$(SEEDS) -sim.from=$(FROM))

ENGINE ?= sqlite
.PHONY: orders
orders: ## every order of webhooks: ENGINE=sqlite, postgres or mysql
	TOLLGATE_TEST_LONG=1 go test ./internal/simulate -run '^TestEveryOrder' -v -timeout 24h -orders.engine=$(ENGINE)

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
