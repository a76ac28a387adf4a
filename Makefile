# Everything from a bare clone. `make` alone prints what there is.

CORPUS ?= bach-chorales
PRESET ?= tuned
SEEDS ?= 0
MODEL ?=
OPTIMIZERS ?= sgd,adam,rmsprop
ARGS ?=
PYTHON ?=

define HELP
make report             environment, corpus, training of all models, report: reports/<corpus>/index.html
make test               environment, fast tests
make setup              the environment: .venv, with the packages of requirements.txt
make data               the corpus: builds or reads it, describes it
make train-all          trains every model, once for each seed
make train MODEL=...    trains one model, once for each seed
make sample MODEL=...   new pieces by a trained model, by a run's folder, or by weights that ship with the zoo
make play               a page to play on with what was trained: reports/<corpus>/play.html
make compare-presets MODEL=...      what representation, network and training contribute between a published
                                    preset and tuned
make compare-optimizers MODEL=...   curves and samples of one model under OPTIMIZERS=sgd,adam,rmsprop
make published          the polyphonic benchmark: its presets on CORPUS, beside published figures (hours)
make test-slow          the slow tests
make test-example       the tests of models, in a copy of the project that has the model of the README, too
make test-wheel         builds the package, installs it outside of the checkout with each of PYTHON and uses it there
make test-ray           the tests that need Ray, in an environment that has it besides
make coverage           the fast tests, and which lines and branches of zoo/ they run
make docs               the documentation, from docs/ and the code: site/index.html
make test-tour          runs docs/tour.ipynb from top to bottom
make pictures           the pictures of the documentation: two bars of Bach in each representation
make pretrained         the weights that ship with the package, trained anew (hours)
make publish            the published report: SEEDS=0,1,2 of all models on the chorales (an hour)
make screenshot         docs/report.png, from the published report
make bench              measures speed and memory beside what the originals do: reports/bench.csv
make fuzz               hostile MIDI files through everything that reads them: ARGS="--count 100000 --seed 1"
make lint               style, formatting and types, nothing is changed
make audit              looks up known vulnerabilities of the locked packages, on the internet
make clean              removes .venv and caches; corpora and runs stay
make help               this text

CORPUS=bach-chorales    a corpus by name, or a folder of MIDI files: CORPUS=./midi
PRESET=tuned            the preset that models are trained with
SEEDS=0                 seeds of training, separated by commas: SEEDS=0,1,2
ARGS=                   more options for the command behind the target: ARGS="--minutes 5"
ZOO_MODELS=             a model of your own beside those of the zoo: ZOO_MODELS=./my_model.py
PYTHON=                 Python 3.11 or 3.12 to make .venv with; by default the first one on the PATH. Several, with
                        make test-wheel: PYTHON="python3.11 python3.12"

Each target does only what is not yet done. Names and options of the models: .venv/bin/python -m zoo list
endef

# Recipes read variables from the environment, so that a folder with spaces or quotes in its name stays one word.
export HELP CORPUS PRESET MODEL PYTHON SEEDS OPTIMIZERS

PY = .venv/bin/python
ZOO = $(PY) -m zoo
RUN = --corpus "$$CORPUS" --preset "$$PRESET"

# $(call tried,COMMAND): a failed model (1) does not keep what follows from running; a mistake (2) ends it all.
tried = $(1) || { status=$$?; [ $$status -ne 2 ] || exit 2; }

# $(call for_each_seed,COMMAND): the same for every seed; an interrupt ends it all, too.
for_each_seed = trap 'exit 130' INT; status=0; set -- $$(printf %s "$$SEEDS" | tr , ' '); \
	if [ -z "$$*" ]; then echo "Which seeds? Name some, as in: make $@ SEEDS=0,1" >&2; exit 2; fi; \
	for seed do $(call tried,$(1)); done

.PHONY: help report test setup data train-all train published compare-presets compare-optimizers sample play test-slow test-example test-wheel test-ray coverage docs test-tour pictures pretrained publish screenshot bench fuzz lint audit clean need-model docs-tools
.NOTPARALLEL:

help:
	@printf '%s\n' "$$HELP"

report: data
	@$(call for_each_seed,$(ZOO) train-all $(RUN) --seed "$$seed" $(ARGS)); \
	$(ZOO) report --corpus "$$CORPUS" || status=$$?; exit $$status

test: setup
	@$(PY) -m pytest -q -rs -n auto --dist worksteal -m "not slow" $(ARGS)

# The copy of requirements.txt, laid into .venv last, says that it is whole and up to date; else it is made anew.
# Making it anew empties it, so never through a link: what that leads to is someone else's.
# A Python counts when it runs, which a pyenv shim may not, and has ensurepip, which Debian packs separately.
setup:
	@if cmp -s requirements.txt .venv/requirements.txt && $(PY) -c '' 2>/dev/null; then exit 0; fi; \
	if [ -L .venv ]; then \
	    echo ".venv is a link, and what it leads to is not of this requirements.txt; remove the link." >&2; exit 2; fi; \
	set -- python3.12 python3.11 python3 python; \
	if [ -n "$$PYTHON" ]; then set -- "$$PYTHON"; fi; \
	for python do \
	    if "$$python" -c 'import sys, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then \
	        echo "Making .venv with $$("$$python" --version): about 0.8 GB to download, 3 GB on disk, once."; \
	        "$$python" -m venv --clear .venv && \
	        $(PY) -m pip install --disable-pip-version-check --no-deps --requirement requirements.txt && \
	        cp requirements.txt .venv/requirements.txt; \
	        exit; \
	    fi; \
	done; \
	echo "No working Python 3.11 or 3.12 with venv in: $$*; install one (apt install python3.11-venv," \
	    "brew install python@3.12) or name it: make setup PYTHON=/path/to/python3.12" >&2; exit 2

data: setup
	@$(ZOO) corpus "$$CORPUS"

train-all: data
	@$(call for_each_seed,$(ZOO) train-all $(RUN) --seed "$$seed" $(ARGS)); exit $$status

train: $(if $(MODEL),data,need-model)
	@$(call for_each_seed,$(ZOO) train "$$MODEL" $(RUN) --seed "$$seed" $(ARGS)); exit $$status

published: data
	@$(call for_each_seed,for preset in $$($(ZOO) published --corpus "$$CORPUS" --presets); do \
	    $(call tried,$(ZOO) train-all --corpus "$$CORPUS" --preset $$preset --seed "$$seed" $(ARGS)); done); \
	$(ZOO) published --corpus "$$CORPUS" || status=$$?; exit $$status

# Of any preset, unless one is named; where nothing is trained, by what ships with the package.
sample: $(if $(MODEL),setup,need-model)
	@$(ZOO) sample "$$MODEL" --corpus "$$CORPUS" $(if $(filter-out file,$(origin PRESET)),--preset "$$PRESET") $(ARGS)

play: setup
	@$(ZOO) play --corpus "$$CORPUS" $(ARGS)

compare-presets: $(if $(MODEL),data,need-model)
	@$(call for_each_seed,$(ZOO) compare-presets "$$MODEL" --corpus "$$CORPUS" --seed "$$seed" $(ARGS)); \
	$(ZOO) report --corpus "$$CORPUS" || status=$$?; exit $$status

# Each optimizer at its own default rate.
compare-optimizers: $(if $(MODEL),data,need-model)
	@$(call for_each_seed,$(ZOO) compare-optimizers "$$MODEL" $(RUN) --optimizers "$$OPTIMIZERS" --seed "$$seed" $(ARGS)); \
	$(ZOO) report --corpus "$$CORPUS" || status=$$?; exit $$status

need-model:
	@echo "Which model? Name one, as in: make $(MAKECMDGOALS) MODEL=rnn_rbm" >&2; exit 2

test-slow: setup
	@$(PY) -m pytest -q -rs -n auto --dist loadfile -m slow $(ARGS)

test-example: setup
	@$(PY) tests/example.py $(ARGS)

test-wheel: setup
	@set -- $${PYTHON:-$(PY)}; "$$1" tests/wheel.py "$$@"

# The extra is in no lock; what the lock has stays as it is there. The .pth file makes the packages of .venv known.
RAY = .venv/ray
LIST = import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["ray"], sep="\n")
SITE = import site; print(site.getsitepackages()[0])

test-ray: setup
	@if ! $(PY) -c '$(LIST)' 2>/dev/null | cmp -s - $(RAY)/requirements.txt; then \
	    $(PY) -m venv --clear $(RAY) && \
	    $(PY) -c '$(SITE)' > "$$($(RAY)/bin/python -c '$(SITE)')/zoo.pth" && \
	    $(PY) -c '$(LIST)' > $(RAY)/wanted.txt && \
	    $(RAY)/bin/python -m pip install --quiet --disable-pip-version-check --constraint requirements.txt \
	        --requirement $(RAY)/wanted.txt && \
	    mv $(RAY)/wanted.txt $(RAY)/requirements.txt || exit 1; fi; \
	$(RAY)/bin/python -m pytest -q -rs -m slow tests/test_ray.py $(ARGS)

# Processes that tests start are not counted.
coverage: setup
	@$(PY) -m pytest -q -rs -n auto --dist worksteal -m "not slow" --cov=zoo --cov-branch --cov-report=term:skip-covered $(ARGS)

# No --quiet for mkdocs: it hides warnings from --strict, too.
# The documentation's tools, whose lock holds what requirements.txt has not, lie in a folder of their own.
DOCS = PYTHONPATH=.venv/docs:. $(PY)

docs-tools: setup
	@if ! cmp -s requirements-docs.txt .venv/docs/requirements-docs.txt; then \
	    rm -rf .venv/docs && \
	    $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --target .venv/docs \
	        --requirement requirements-docs.txt && \
	    cp requirements-docs.txt .venv/docs; fi

docs: docs-tools
	@$(DOCS) -m mkdocs build --strict $(ARGS) && echo site/index.html

test-tour: docs-tools
	@$(DOCS) tests/tour.py $(ARGS)

pictures: setup
	@PYTHONPATH=. $(PY) docs/pictures.py

# What ships: studio on the chorales, an hour or two on two cores.
pretrained: setup
	@$(ZOO) train-all --preset studio $(ARGS) && \
	for model in $$($(PY) -c 'import zoo; print(*zoo.names())'); do \
	    $(ZOO) pack "$$model" --preset studio --out zoo/pretrained || exit; done

publish:
	@$(MAKE) --no-print-directory report CORPUS=bach-chorales SEEDS=0,1,2 && \
	$(ZOO) play && $(ZOO) report --publish reports/published/bach-chorales

screenshot: setup
	@$(PY) docs/screenshot.py

bench: setup
	@PYTHONPATH=.:tests $(PY) -m bench $(ARGS)

fuzz: setup
	@PYTHONPATH=. TF_CPP_MIN_LOG_LEVEL=3 $(PY) tests/fuzz.py $(ARGS)

lint: setup
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy

# In an environment of its own: the lock holds what the zoo needs, and no more. --strict: not looked up is not clean.
audit: setup
	@$(PY) -m venv .venv/audit && \
	.venv/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit && \
	.venv/audit/bin/pip-audit --strict --disable-pip --no-deps --requirement requirements.txt $(ARGS)

clean:
	rm -rf .venv site dist .pytest_cache .ruff_cache .mypy_cache .coverage
	find zoo tests -name __pycache__ -type d -prune -exec rm -rf {} +
