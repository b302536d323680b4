#!/usr/bin/env bash
# An environment for a machine without a GPU, of what infra/NAME/requirements.txt locks: install.sh NAME FOLDER [PYTHON].
set -euo pipefail
name="$1" folder="$2" python="${3:-python3}" here="$(dirname "$0")"
"$python" -m venv "$folder"
install() { "$folder/bin/python" -m pip --quiet --disable-pip-version-check install "$@"; }
# with pip, not uv: uv passes by the CPU build of torch and takes several GB of CUDA packages instead
if ! install --require-hashes --no-deps -r "$here/torch-cpu.txt" 2>/dev/null; then
  echo "no build of PyTorch for CPUs is found by pip's settings: PyPI's is taken" >&2
  install --require-hashes --no-deps -r "$here/torch.txt"
fi
install --require-hashes --no-deps -r "$here/../$name/requirements.txt"
# nothing for CPUs; PyPI's build asks for CUDA packages, which have no hash here
install torch==2.13.0
