# Needs Python 3.11 or later, make and a network to the package registries. Everything else is installed into .venv and
# node_modules, from the lock files, by the first target that needs it.
PYTHON ?= python3
ARGS ?=

# Without byte code, every import of aws_cdk would compile it anew.
unexport PYTHONDONTWRITEBYTECODE
# Node, uv and the tools of this project, whatever else is installed.
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export VIRTUAL_ENV := $(CURDIR)/.venv

INSTALLED := .venv/.installed
# Prints what pip needs to install uv, and nothing but what the lock file says.
PIN_UV := import tomllib; uv = next(p for p in tomllib.load(open("uv.lock", "rb"))["package"] if p["name"] == "uv"); \
  print("uv==" + uv["version"], *("--hash=" + file["hash"] for file in uv["wheels"]))

# $(call timed,name,command): runs the command and says how long it took.
timed = @start=$$(date +%s); echo "--- $(1)"; $(2) && echo "--- $(1) took $$(( $$(date +%s) - start )) s"

.PHONY: help
help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1 \2/p' Makefile | while read -r name text; do printf '%-21s %s\n' "$$name" "$$text"; done

.PHONY: synth
synth: $(INSTALLED) ## Write the sample app's CloudFormation templates to cdk.out.
	cdk synth --quiet $(ARGS)

.PHONY: deploy
deploy: $(INSTALLED) ## Deploy the sample's stacks, with the AWS credentials of the environment.
	cdk deploy --all $(ARGS)

.PHONY: destroy
destroy: $(INSTALLED) ## Destroy the sample's stacks; empty the StackSet first.
	cdk destroy --all $(ARGS)

.PHONY: preflight
preflight: $(INSTALLED) ## Check landing zone and key, with the management account's credentials; change nothing.
	python -m alertlogic_constructs.preflight $(ARGS)

.PHONY: policies
policies: $(INSTALLED) ## Fetch the policy of Alert Logic's role, show what changed, and pin it in a file.
	python -m alertlogic_constructs.policies $(ARGS)

.PHONY: status
status: $(INSTALLED) ## Show how every account stands, with the AWS credentials of the environment.
	python -m alertlogic_constructs.status $(ARGS)

.PHONY: backfill
backfill: $(INSTALLED) ## Send GuardDuty findings that were open before the collector was there; ARGS=--dry-run counts them.
	python -m alertlogic_constructs.backfill $(ARGS)

.PHONY: test
test: $(INSTALLED) ## Run lint, types, tests, template checks and the documentation's build: all that a change must pass.
	@start=$$(date +%s); $(MAKE) --no-print-directory -j2 --output-sync=target unit lint types templates docs \
	  && echo "--- all took $$(( $$(date +%s) - start )) s"

.PHONY: lint
lint: $(INSTALLED) ## Check style and format, and the GitHub workflow for what an attacker could use.
	$(call timed,lint,ruff check . && ruff format --check . && zizmor --quiet --offline --persona=auditor .github)

.PHONY: types
types: $(INSTALLED) ## Check types, strictly.
	$(call timed,types,mypy)

.PHONY: templates
templates: $(INSTALLED) ## Check the sample's templates and the member template with cfn-lint and cdk-nag.
	$(call timed,templates,pytest -q tests/templates $(ARGS))

.PHONY: unit
unit: $(INSTALLED) ## Run the tests.
	$(call timed,unit,pytest -q -n 2 --dist loadfile --ignore=tests/templates $(ARGS))

.PHONY: coverage
coverage: $(INSTALLED) ## Run the tests, slowed down, with a floor for line and branch coverage.
	$(call timed,coverage,pytest -q -n 2 --dist loadfile --ignore=tests/templates --cov --cov-report=term $(ARGS))

.PHONY: rehearse
rehearse: $(INSTALLED) ## Play a landing zone's life; ARGS=--brief shortens it, ARGS="--chaos SEED" makes things go wrong at random.
	$(call timed,rehearse,python -m tests.rehearsal $(ARGS))

.PHONY: bench
bench: $(INSTALLED) ## Measure import times, API calls and CPU of the functions.
	python -m benchmarks $(ARGS)

.PHONY: diagram
diagram: $(INSTALLED) ## Draw the documentation's diagrams and tables of trusts anew from the templates.
	python -m docs

.PHONY: docs
docs: $(INSTALLED) ## Build the documentation, with the API reference, into build/site; fail for any warning.
	$(call timed,docs,NO_MKDOCS_2_WARNING=1 mkdocs build --strict)

.PHONY: cost
cost: $(INSTALLED) ## Compute docs/cost.md anew from the templates.
	python -m docs.cost

.PHONY: audit
audit: $(INSTALLED) ## Look for known vulnerabilities in what the asset and the library install; needs that service on the network.
	pip-audit --strict --disable-pip --require-hashes --requirement lambda_src/requirements.txt
	uv export --quiet --frozen --no-dev --all-extras --no-emit-project --output-file .venv/library.txt
	pip-audit --strict --disable-pip --require-hashes --requirement .venv/library.txt

.PHONY: sbom
sbom: $(INSTALLED) ## Write the asset's software bill of materials (CycloneDX) to dist.
	python -m docs.sbom

.PHONY: dist
dist: $(INSTALLED) sbom ## Build wheel and source distribution of a release, and the bill of materials, in dist.
	uv export --quiet --frozen --only-group build --no-emit-project --output-file .venv/build.txt
	uv build --quiet --require-hashes --build-constraints .venv/build.txt --out-dir dist

.PHONY: format
format: $(INSTALLED) ## Format the sources.
	ruff format .
	ruff check --fix .

.PHONY: lambda-requirements
lambda-requirements: $(INSTALLED) ## Export the functions' pinned requirements from the lock file.
	uv export --quiet --frozen --only-group lambda --no-emit-project --no-annotate --no-header \
	  --output-file lambda_src/requirements.txt

.PHONY: clean
clean: ## Delete what these targets made.
	rm -rf .venv node_modules cdk.out build dist .mypy_cache .ruff_cache .pytest_cache .coverage

$(INSTALLED): pyproject.toml uv.lock package.json package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -c '$(PIN_UV)' > .venv/uv.txt
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r .venv/uv.txt
	uv sync --quiet --frozen
	npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $(INSTALLED)
