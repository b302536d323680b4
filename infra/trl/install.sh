#!/usr/bin/env bash
# An environment with TRL for a machine without a GPU: install.sh FOLDER [PYTHON]. About 1.5 GB and 2 minutes.
# (1.8 is the newest that has the PRM trainer.)
set -euo pipefail
folder="$1" python="${2:-python3}"
"$python" -m venv "$folder"
pip() { "$folder/bin/python" -m pip --disable-pip-version-check "$@"; }
# with pip, not uv: uv passes by the CPU build of torch and takes several GB of CUDA packages instead
pip install --quiet torch==2.13.0
pip install --quiet 'transformers>=5.23,<5.24' trl==1.8.0 'datasets>=5.2,<6' filelock
TRL_EXPERIMENTAL_SILENCE=1 "$folder/bin/python" -c 'import trl; from trl.experimental.prm import PRMTrainer; print("TRL", trl.__version__)'
