#!/usr/bin/env bash
# An environment with TRL for a machine without a GPU: install.sh FOLDER [PYTHON]. About 1.5 GB and 2 minutes.
set -euo pipefail
"$(dirname "$0")/../supply/install.sh" trl "$@"
TRL_EXPERIMENTAL_SILENCE=1 "$1/bin/python" -c 'import trl; from trl.experimental.prm import PRMTrainer; print("TRL", trl.__version__)'
