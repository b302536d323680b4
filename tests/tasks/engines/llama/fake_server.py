"""A `llama-server` without a model: it answers with what it was sent, or does what the prompt or its environment tells it to.

Started by path, with the arguments and the environment that `llama-server` takes. A token is a character.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LOGPROB = -0.5


def end() -> None:
    """Die as for want of memory."""
    print("ggml: failed to allocate buffer", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


class Handler(BaseHTTPRequestHandler):
    """The routes that the engine asks."""

    protocol_version = "HTTP/1.1"

    def answer(self, value: Any, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def allowed(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {os.environ['LLAMA_API_KEY']}":
            return True
        self.answer({"error": {"message": "Invalid API Key"}}, 401)
        return False

    def do_GET(self) -> None:
        if self.allowed():
            loading = time.monotonic() - STARTED < float(os.environ.get("FAKE_LOADING", "0"))
            self.answer(
                {"error": "Loading model"} if loading else {"build_info": "b1234-fake"}, 503 if loading else 200
            )

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.allowed():
            return
        if self.path == "/apply-template":
            self.template(body)
        elif self.path == "/completion":
            self.complete(body)

    def template(self, body: dict[str, Any]) -> None:
        if body["messages"][0]["content"] == "refuse":
            self.answer({"error": {"message": "roles must alternate", "type": "server_error"}}, 500)
            return
        turns = "".join(f"<{message['role']}>{message['content']}" for message in body["messages"])
        self.answer({"prompt": f"{turns}{json.dumps(body.get('chat_template_kwargs', ''))}<assistant>"})

    def complete(self, body: dict[str, Any]) -> None:
        prompt, log = body["prompt"], os.environ.get("FAKE_LOG")
        if log:
            with Path(log).open("a") as stream:
                print(json.dumps(body), file=stream)
        if "die once" in prompt and not Path(str(log) + ".died").exists():
            Path(str(log) + ".died").touch()
            end()
        if "die always" in prompt:
            end()
        if "stall" in prompt:
            time.sleep(600)
        if "long" in prompt:
            message = "request (9 tokens) exceeds the available context size (8 tokens)"
            self.answer({"error": {"code": 400, "message": message, "type": "exceed_context_size_error"}}, 400)
        elif "odd" in prompt:
            self.answer({"content": None})
        else:
            self.repeat(body)

    def repeat(self, body: dict[str, Any]) -> None:
        prompt = body["prompt"]
        text = prompt[: body["n_predict"]]
        cut = len(prompt) > len(text)
        count = len(text) + (not cut)  # the end mark is one more
        listed = [{"token": "A", "logprob": LOGPROB}, {"token": " B", "logprob": 4 * LOGPROB}][: body["n_probs"]]
        one = {"token": "A", "logprob": LOGPROB, "top_logprobs": listed}
        probabilities = [one] * count if body["n_probs"] else []
        self.answer({
            "content": text, "stop_type": "limit" if cut else "eos", "tokens_predicted": count,
            "tokens_evaluated": len(prompt), "completion_probabilities": probabilities,
        })  # fmt: skip

    def log_message(self, *_: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--model", "--alias", "--host", "--port", "--ctx-size", "--parallel"):
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    STARTED = time.monotonic()
    print("fake llama-server of", arguments.model, "pid", os.getpid(), flush=True)
    taken = Path(os.environ.get("FAKE_TAKEN", os.devnull))
    if taken.is_file():
        taken.unlink()
        print(
            "couldn't bind HTTP server socket, hostname: 127.0.0.1, port:", arguments.port, file=sys.stderr, flush=True
        )
        sys.exit(1)
    if os.environ.get("FAKE_FAILS"):
        print(os.environ["FAKE_FAILS"], file=sys.stderr, flush=True)
        sys.exit(3)
    ThreadingHTTPServer((arguments.host, int(arguments.port)), Handler).serve_forever()
