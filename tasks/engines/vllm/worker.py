"""vLLM in a process of its own: one JSON message a line in, one a line out, answers as soon as they end.

Run by path, under any Python of 3.10 or later that has vLLM: it imports
nothing of ours. Its arguments are the descriptors of its requests and of its
replies; what vLLM prints goes elsewhere. In come first the options, then any
number of `{"ask": number, ...}` and `{"drop": true}`; out go `ready`,
`completion`, `failure`, `alive` (at most one a second while it works),
`dropped` and `fatal`. It lives no longer than who started it.
"""

from __future__ import annotations

import json
import math
import os
import queue
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

# beside this file lie modules with the names of vllm and openai, which are not those libraries
_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != _HERE]

Message = dict[str, Any]
Say = Callable[[Message], None]
CPU_BATCHED_TOKENS = 4096
DETAIL_CHARACTERS = 500


def listen(descriptor: int, inbox: queue.SimpleQueue[Message]) -> None:
    """Put each message into the inbox; end the whole process group when they end, or when the parent has."""
    parent = os.getppid()
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        rest = b""
        while os.getppid() == parent:  # a copy of the pipe in some fork of the parent would hide its end
            if not select.select([stream], [], [], 2.0)[0]:
                continue
            read = stream.read(1 << 16)
            if not read:
                break
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                inbox.put(json.loads(line))
    end_group()


def end_group() -> None:
    """Kill every process of this group, this one too."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def choose_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of vLLM's `LLM` for the machine that it finds itself on."""
    from vllm.platforms import current_platform

    chosen = {
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "logprobs_mode": "raw_logprobs",
        # else JSON may go on in white space until the limit; only a named backend can be told
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
        **options,
    }
    if current_platform.is_cpu():
        # requests with seeds of their own end the engine on a CPU where prompts are cut into chunks;
        # uncut, the longest must fit into one batch
        chosen.pop("gpu_memory_utilization", None)
        batched = max(CPU_BATCHED_TOKENS, choose_context_length(chosen), chosen["max_num_seqs"])
        chosen.update(enable_chunked_prefill=False, max_num_batched_tokens=batched)
    return chosen


def choose_context_length(options: Mapping[str, Any]) -> int:
    """The context in tokens: as asked for, or the model's own."""
    if options["max_model_len"] is not None:
        return int(options["max_model_len"])
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(options["model"], revision=options["revision"])
    return int(getattr(config.get_text_config(), "max_position_embeddings", 0))


class Refused(Exception):
    """This one request cannot be answered: a reason in few words, and what was found."""


class Worker:
    """One loaded model and the requests that are inside it."""

    def __init__(self, options: Mapping[str, Any], say: Say) -> None:
        import vllm

        self.say = say
        self.vllm = vllm
        self.llm = vllm.LLM(**choose_options(options))
        self.engine = self.llm.llm_engine
        self.tokenizer = self.llm.get_tokenizer()
        self.context = int(self.engine.model_config.max_model_len)
        self.inside: set[str] = set()
        if not getattr(self.tokenizer, "chat_template", None):
            raise RuntimeError("its tokenizer has no chat template")
        say({"is": "ready", "version": vllm.__version__, "context": self.context})

    def serve(self, inbox: queue.SimpleQueue[Message]) -> None:
        """Answer for ever."""
        spoken = time.monotonic()
        while True:
            while not self.inside or not inbox.empty():
                self.take(inbox.get())
            for output in self.engine.step():
                if output.finished and output.request_id in self.inside:
                    self.inside.discard(output.request_id)
                    self.say(describe_completion(output))
            if time.monotonic() - spoken >= 1:
                spoken = time.monotonic()
                self.say({"is": "alive"})

    def take(self, message: Message) -> None:
        """Begin a request, or drop all that are under way."""
        if "drop" in message:
            self.engine.abort_request(list(self.inside))
            self.inside.clear()
            self.say({"is": "dropped"})
            return
        try:
            self.begin(message)
        except Refused as refused:
            reason, detail = refused.args
            self.say({"is": "failure", "number": message["ask"], "reason": reason, "detail": detail})

    def begin(self, message: Message) -> None:
        """Hand a request to vLLM; `Refused` where it can have no answer."""
        tokens = self.prompt(message["messages"], message["prefix"])
        if len(tokens) >= self.context:
            raise Refused("longer than the context", f"{len(tokens)} tokens of {self.context}")
        number, sampling = str(message["ask"]), self.vllm.sampling_params
        schema = message.get("schema")
        try:
            parameters = self.vllm.SamplingParams(
                logprobs=0,
                output_kind=sampling.RequestOutputKind.FINAL_ONLY,
                structured_outputs=sampling.StructuredOutputsParams(json=schema) if schema else None,
                **message["sampling"],
            )
            self.engine.add_request(number, {"prompt_token_ids": tokens}, parameters)
        except ValueError as error:
            raise Refused("refused by vLLM", str(error)[:DETAIL_CHARACTERS]) from error
        self.inside.add(number)

    def prompt(self, messages: list[Message], prefix: str) -> list[int]:
        """The tokens of a conversation up to where the model goes on.

        The prefix follows the mark that opens an answer, as the answer did
        that it was taken from; templates that rewrite or trim earlier answers
        (thoughts, white space at the end) never see it.

        Args:
            messages: The turns.
            prefix: How the answer begins.

        Returns:
            Token ids.

        Raises:
            Refused: The chat template refuses the conversation.

        """
        try:
            text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except Exception as error:  # a template is a program: it may raise what it likes
            detail = f"{type(error).__name__}: {error}"[:DETAIL_CHARACTERS]
            raise Refused("refused by the chat template", detail) from error
        return list(self.tokenizer.encode(text + prefix, add_special_tokens=False))


def describe_completion(output: Any) -> Message:
    """The message about a finished request; a failure where vLLM gave it up (no token fits its schema)."""
    answer = output.outputs[0]
    if answer.finish_reason not in ("stop", "length"):
        detail = f"finish reason {answer.finish_reason} after {len(answer.token_ids)} tokens"
        return {
            "is": "failure", "number": int(output.request_id), "reason": "ended without an answer", "detail": detail
        }  # fmt: skip
    tokens, logprob = len(answer.token_ids), answer.cumulative_logprob
    if answer.finish_reason == "stop" and not isinstance(answer.stop_reason, str):  # the end mark, which is no text
        tokens -= 1
        if logprob is not None:
            logprob -= answer.logprobs[-1][answer.token_ids[-1]].logprob
    return {
        "is": "completion",
        "number": int(output.request_id),
        "text": answer.text,
        "finish": answer.finish_reason,
        "prompt_tokens": len(output.prompt_token_ids),
        "tokens": tokens,
        "logprob": min(logprob, 0.0) if logprob is not None and math.isfinite(logprob) else None,
    }


def main(requests: int, replies: int) -> None:
    """Answer until the requests end."""
    for descriptor in (requests, replies):
        os.set_inheritable(descriptor, False)  # else a process of vLLM would hold them open
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")
    inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
    threading.Thread(target=listen, args=(requests, inbox), daemon=True).start()
    with os.fdopen(replies, "w", encoding="utf-8") as stream:

        def say(message: Message) -> None:
            print(json.dumps(message), file=stream, flush=True)

        try:
            Worker(inbox.get()["options"], say).serve(inbox)
        except BaseException as error:
            traceback.print_exc()
            say({"is": "fatal", "error": f"{type(error).__name__}: {error}"})
    end_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
