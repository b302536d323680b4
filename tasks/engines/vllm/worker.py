"""vLLM in a process of its own: one JSON message a line in, one a line out, answers as soon as they end.

Run by path, under any Python of 3.10 or later that has vLLM: it imports
nothing of ours but, by its path, what knows the marks round thoughts. Its
arguments are the descriptors of its requests and of its
replies; what vLLM prints goes elsewhere. In come first the options, then any
number of `{"ask": number, ...}` and `{"drop": [number, ...]}`; out go `ready`,
`completion`, `failure`, `alive` (at most one a second while it works) and
`fatal`. It lives no longer than who started it.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
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
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

# beside this file lie modules with the names of vllm and openai, which are not those libraries
_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != _HERE]
_CHANNELS = os.path.join(os.path.dirname(os.path.dirname(_HERE)), "llm", "channels.py")
_RECORDER = os.path.join(_HERE, "logits_recorder.py")
OURS = ("lora", "records")
"""Options that are no arguments of vLLM's `LLM`."""

Message = dict[str, Any]
Say = Callable[[Message], None]
CPU_BATCHED_TOKENS = 4096
RANKS = (16, 32, 64, 128, 256, 320, 512)
"""Ranks of LoRA adapters, as vLLM counts them."""
DETAIL_CHARACTERS = 500
PROMPT_END = 100


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
        batched = max(CPU_BATCHED_TOKENS, choose_context_length(chosen), chosen.get("max_num_seqs", 0))
        chosen = {"enable_chunked_prefill": False, "max_num_batched_tokens": batched, **chosen}
    return chosen


def choose_rank(adapter: str) -> int:
    """The rank that vLLM keeps room for: the least that it knows and the adapter's fits, its own default where that is not known."""
    try:
        with open(os.path.join(adapter, "adapter_config.json"), encoding="utf-8") as file:
            rank = int(json.load(file)["r"])
    except (OSError, ValueError, KeyError, TypeError):
        return RANKS[0]
    return next((known for known in RANKS if known >= rank), RANKS[-1])


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
    """One loaded model and the requests that are inside it.

    What comes is made ready on a thread of its own, so that the model need
    not wait for templates and tokens.
    """

    def __init__(self, options: Mapping[str, Any], say: Say) -> None:
        import vllm

        self.say = say
        self.vllm = vllm
        adapter = options.get("lora")
        lora = {"enable_lora": True, "max_lora_rank": choose_rank(adapter)} if adapter else {}
        recorder = load_module("logits_recorder", _RECORDER)
        self.records = recorder.Records()
        recording = {"logits_processors": [recorder.make_processor(self.records)]} if options.get("records") else {}
        self.extra_argument = recorder.ARGUMENT
        own = {name: options[name] for name in options if name not in OURS}
        self.llm = vllm.LLM(**choose_options(own | lora | recording))
        self.adapter = (
            importlib.import_module("vllm.lora.request").LoRARequest("adapter", 1, adapter) if adapter else None
        )
        self.engine = self.llm.llm_engine
        # vLLM turns tokens into text with its own at the same time, and one of Hugging Face's may not be used by two threads
        self.tokenizer = copy.deepcopy(self.llm.get_tokenizer())
        self.context = int(self.engine.model_config.max_model_len)
        self.channels = load_module("channels", _CHANNELS)
        vocabulary = self.tokenizer.get_vocab()
        self.ends = {vocabulary[end] for _, end in self.channels.TAGS if end in vocabulary}
        special = set(self.tokenizer.all_special_tokens)
        # else vLLM leaves the marks out of the text, and with them where the thoughts end
        self.is_marked_specially = bool(
            special & {"<|channel|>", *(mark for pair in self.channels.TAGS for mark in pair)}
        )
        self.inside: dict[str, Message] = {}  # what was asked, but for the prompt's tokens
        self.prepared: queue.SimpleQueue[Message | BaseException] = queue.SimpleQueue()
        batch = int(self.engine.vllm_config.scheduler_config.max_num_seqs)
        chats = bool(getattr(self.tokenizer, "chat_template", None))
        say({"is": "ready", "version": vllm.__version__, "context": self.context, "batch": batch, "chats": chats})

    def serve(self, inbox: queue.SimpleQueue[Message]) -> None:
        """Answer for ever."""
        threading.Thread(target=self.prepare, args=[inbox], daemon=True).start()
        spoken = time.monotonic()
        while True:
            while not self.inside or not self.prepared.empty():
                self.take(self.prepared.get())
            for output in self.engine.step():
                if output.finished and output.request_id in self.inside:
                    asked = self.inside.pop(output.request_id)
                    thoughts: Message = {"thinking_tokens": count_thoughts(output.outputs[0].token_ids, self.ends)}
                    thoughts["prompt_end"] = asked["prompt_end"]  # it may have opened a thought
                    self.say(describe_completion(output) | thoughts | self.describe_tokens(output, asked))
            if time.monotonic() - spoken >= 1:
                spoken = time.monotonic()
                self.say({"is": "alive"})

    def prepare(self, inbox: queue.SimpleQueue[Message]) -> None:
        """Give each request its tokens, for ever; in the order in which messages came."""
        while True:
            message = inbox.get()
            try:
                if "ask" in message:
                    chats = message["api"] == "chat"
                    prompt = self.lay_out(message) if chats else join_contents(message)
                    prompt = self.channels.join_prefix(prompt, message["prefix"])
                    # a template has its marks in its text; a text alone is begun as the tokenizer begins one
                    message["tokens"] = list(self.tokenizer.encode(prompt, add_special_tokens=not chats))
                    message["prompt_end"] = prompt[-PROMPT_END:]
            except Refused as refused:
                message["refused"] = refused
            except BaseException as error:
                self.prepared.put(error)
                return
            self.prepared.put(message)

    def take(self, message: Message | BaseException) -> None:
        """Begin a request, or drop some that are under way."""
        if isinstance(message, BaseException):
            raise message
        if "drop" in message:
            dropped = [str(number) for number in message["drop"] if str(number) in self.inside]
            self.engine.abort_request(dropped)
            for number in dropped:
                del self.inside[number]
                self.records.forget(number)
            return
        try:
            if "refused" in message:
                raise message["refused"]
            self.begin(message)
        except Refused as refused:
            reason, detail = refused.args
            self.say({"is": "failure", "number": message["ask"], "reason": reason, "detail": detail})

    def begin(self, message: Message) -> None:
        """Hand a request to vLLM; `Refused` where it can have no answer."""
        tokens = message.pop("tokens")
        if len(tokens) >= self.context:
            raise Refused("longer than the context", f"{len(tokens)} tokens of {self.context}")
        number, sampling = str(message["ask"]), self.vllm.sampling_params
        schema, recorded = message.get("schema"), "self_certainty" in message["statistics"]
        try:
            parameters = self.vllm.SamplingParams(
                # with the likeliest token beside the drawn one it is seen whether what was recorded is of this very distribution
                logprobs=max(message["alternatives"], int(recorded)) if message["logprobs"] else None,
                **({"extra_args": {self.extra_argument: number}} if recorded else {}),
                output_kind=sampling.RequestOutputKind.FINAL_ONLY,
                **({"skip_special_tokens": False} if self.is_marked_specially else {}),
                structured_outputs=sampling.StructuredOutputsParams(json=schema) if schema else None,
                **message["sampling"],
            )
            self.engine.add_request(number, {"prompt_token_ids": tokens}, parameters, lora_request=self.adapter)
        except ValueError as error:
            raise Refused("refused by vLLM", str(error)[:DETAIL_CHARACTERS]) from error
        self.inside[number] = message

    def describe_tokens(self, output: Any, asked: Message) -> Message:
        """What was asked of a finished request's tokens: their log-probabilities, the means over the vocabulary, and the likeliest first ones."""
        answer = output.outputs[0]
        listed = answer.logprobs or []
        made = len(answer.token_ids) - is_ended(answer)
        told: Message = {}
        if asked["statistics"] and listed:
            told["logprobs"] = [min(0.0, listed[i][answer.token_ids[i]].logprob) for i in range(made)]
        if "self_certainty" in asked["statistics"] and listed:
            highest = [max(token.logprob for token in tokens.values()) for tokens in listed[:made]]
            told |= {"means": self.records.take(output.request_id, highest), "vocabulary": self.records.vocabulary}
        if asked["alternatives"]:
            told["alternatives"] = (
                [[token.decoded_token, token.logprob] for token in listed[0].values()] if listed else []
            )
        return told

    def lay_out(self, message: Message) -> str:
        """The text of a conversation up to where the model goes on, by its chat template.

        A prefix is put behind it, where the answer began that it was taken
        from; templates that rewrite or trim earlier answers (thoughts, white
        space at the end) never see it.

        Args:
            message: The request: its turns, and the arguments of the template.

        Returns:
            The text, with the marks of the template.

        Raises:
            Refused: The chat template refuses the conversation.

        """
        try:
            text = self.tokenizer.apply_chat_template(
                message["messages"], tokenize=False, add_generation_prompt=True, **message["template"]
            )
        except Exception as error:  # a template is a program: it may raise what it likes
            detail = f"{type(error).__name__}: {error}"[:DETAIL_CHARACTERS]
            raise Refused("refused by the chat template", detail) from error
        return str(text)


def join_contents(message: Message) -> str:
    """The text of a conversation for a model that knows no turns."""
    return "\n\n".join(turn["content"] for turn in message["messages"])


def load_module(name: str, path: str) -> Any:
    """A module of ours that needs the standard library, and vLLM at most."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def count_thoughts(tokens: Sequence[int], ends: Container[int]) -> int | None:
    """The tokens up to the mark that ends the last thought, it among them; None where no such token is there."""
    return next((len(tokens) - i for i, token in enumerate(reversed(tokens)) if token in ends), None)


def is_ended(answer: Any) -> bool:
    """Whether the last token is the end mark, which is no text."""
    return answer.finish_reason == "stop" and not isinstance(answer.stop_reason, str)


def describe_completion(output: Any) -> Message:
    """The message about a finished request; a failure where vLLM gave it up (no token fits its schema)."""
    answer = output.outputs[0]
    if answer.finish_reason not in ("stop", "length"):
        detail = f"finish reason {answer.finish_reason} after {len(answer.token_ids)} tokens"
        return {
            "is": "failure", "number": int(output.request_id), "reason": "ended without an answer", "detail": detail
        }  # fmt: skip
    tokens, logprob = len(answer.token_ids), answer.cumulative_logprob
    if is_ended(answer):
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
        "logprob": None if logprob is None else min(logprob, 0.0) if math.isfinite(logprob) else math.nan,
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
