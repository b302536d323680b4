#!/usr/bin/env bash
# An environment with vLLM for a machine without a GPU: install.sh FOLDER [PYTHON]. About 3.4 GB and 5 minutes.
# (With a GPU: `make install-gpu`. Builds find either where make puts it; elsewhere, name its Python by ERRATA_VLLM_PYTHON.)
set -euo pipefail
"$(dirname "$0")/../supply/install.sh" vllm "$@"
"$1/bin/python" -c 'import vllm; print("vLLM", vllm.__version__)'
