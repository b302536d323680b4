"""llama.cpp's own server out of the wheel `xllamacpp`, which has it as a library: with the arguments of `llama-server`.

Run by path under a Python that has the wheel; it imports nothing of ours. It
knows the arguments that `tasks.engines.llama.server` gives, and no others.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

import xllamacpp


def read_arguments() -> argparse.Namespace:
    """The arguments, by the names that they have for `llama-server`."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--model", "--alias", "--host"):
        parser.add_argument(name, required=True)
    for name in ("--port", "--ctx-size", "--parallel"):
        parser.add_argument(name, required=True, type=int)
    return parser.parse_args()


def main() -> None:
    """Serve until a signal ends the process."""
    arguments = read_arguments()
    params = xllamacpp.CommonParams()
    params.model.path = arguments.model
    params.model_alias = {arguments.alias}
    params.hostnames, params.port = [arguments.host], arguments.port
    params.n_ctx, params.n_parallel = arguments.ctx_size, arguments.parallel
    # what `llama-server` takes from the environment
    params.api_keys = [os.environ["LLAMA_API_KEY"]]
    params.cache_ram_mib, params.cache_idle_slots = 0, False
    params.use_jinja, params.offline = os.environ.get("LLAMA_ARG_JINJA") != "0", True
    params.ui, params.endpoint_slots = False, False
    if threads := os.environ.get("LLAMA_ARG_THREADS"):
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(threads)
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        sys.exit(str(error))  # why stands in the log; a traceback would push it out of the lines that are shown
    print("listening at", server.listening_address, flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
