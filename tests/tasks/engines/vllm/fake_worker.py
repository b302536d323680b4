"""The worker of the engine `vllm` with a vLLM of its own: it repeats its prompt, or does what the prompt tells it to.

A token is a character, drawn from `VOCABULARY` of them by the same distribution
each time. Started by path, as the worker is.
"""

import json
import math
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

WORKER = Path(__file__).parents[4] / "tasks" / "engines" / "vllm" / "worker.py"
END = 0
LOGPROB = -0.5
VOCABULARY = 8
OTHERS = math.log((1 - math.exp(LOGPROB)) / (VOCABULARY - 1))
"""The log-probability of each other token."""
MARK, THOUGHT_END = ord("§"), "</think>"
BATCH = 4
LOG = os.environ.get("FAKE_VLLM_LOG")
"""A file that gets a line for each request: the process, and the request's seed."""


class Tokenizer:
    chat_template: str | None = "a template"
    all_special_tokens = ("</s>",)

    def apply_chat_template(
        self, messages: list[dict[str, str]], tokenize: bool, add_generation_prompt: bool, **arguments: Any
    ) -> str:
        assert not tokenize and add_generation_prompt
        if messages[0]["content"] == "refuse":
            raise ValueError("roles must alternate")
        text = "".join(f"<{message['role']}>{message['content']}" for message in messages)
        opened = "<think>\n" if "open a thought" in text else ""
        return text + "".join(f"<{name}={value}>" for name, value in arguments.items()) + "<assistant>" + opened

    def get_vocab(self) -> dict[str, int]:
        return {THOUGHT_END: MARK}

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        return [ord(character) for character in ("^" if add_special_tokens else "") + text]


class State:
    """A request inside: what is left to be said."""

    def __init__(self, number: str, prompt: list[int], parameters: SimpleNamespace, text: str) -> None:
        self.number, self.prompt, self.parameters = number, prompt, parameters
        self.made: list[int] = []
        self.coming = [ord(character) for character in text] + [END]

    def step(self) -> str | None:
        self.made.append(self.coming[len(self.made)])
        if self.made[-1] == END:
            return "error" if "<user>give up<" in "".join(map(chr, self.prompt)) else "stop"
        return "length" if len(self.made) == self.parameters.max_tokens else None

    def output(self, reason: str) -> SimpleNamespace:
        text = "".join(chr(token) for token in self.made if token != END).replace(chr(MARK), THOUGHT_END)
        namespace = SimpleNamespace(
            text=text,
            token_ids=self.made,
            logprobs=None,
            cumulative_logprob=None,
            finish_reason=reason,
            stop_reason=None,
        )
        if self.parameters.logprobs is not None:
            drawn = [{token: SimpleNamespace(logprob=LOGPROB, decoded_token=chr(token))} for token in self.made]
            others = {
                -n: SimpleNamespace(logprob=OTHERS, decoded_token=f" {n}") for n in range(1, self.parameters.logprobs)
            }
            namespace.logprobs = [others | token for token in drawn]
            namespace.cumulative_logprob = math.fsum(LOGPROB for _ in self.made)
        return SimpleNamespace(
            request_id=self.number, finished=bool(reason), outputs=[namespace], prompt_token_ids=self.prompt
        )


class Engine:
    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.states: dict[str, State] = {}
        self.processors = [processor(None, "cpu", False) for processor in options.pop("logits_processors", ())]
        self.rows: list[State] = []
        self.model_config = SimpleNamespace(max_model_len=options["max_model_len"] or 200)
        scheduler = SimpleNamespace(max_num_seqs=options.get("max_num_seqs", BATCH))
        self.vllm_config = SimpleNamespace(scheduler_config=scheduler)

    def add_request(
        self, number: str, prompt: dict[str, list[int]], parameters: SimpleNamespace, lora_request: Any
    ) -> None:
        tokens, self.adapter = prompt["prompt_token_ids"], lora_request
        if LOG:
            with open(LOG, "a") as log:
                print(os.getpid(), parameters.seed, file=log)
        text = "".join(map(chr, tokens))
        if "<user>invalid<" in text:
            raise ValueError("a parameter is out of range")
        self.states[number] = State(number, tokens, parameters, self.said(text, parameters))

    def said(self, prompt: str, parameters: SimpleNamespace) -> str:
        if "<user>options<" in prompt:
            names = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "VLLM_ENABLE_V1_MULTIPROCESSING", "GOMP_SPINCOUNT")
            return json.dumps(self.options | {name: os.environ.get(name) for name in names})
        if "<user>count<" in prompt:
            return f"{len(self.states) + 1}"
        if "<user>child<" in prompt:
            return f"{subprocess.Popen(['sleep', '600']).pid}"
        if "<user>schema<" in prompt:
            return str(parameters.structured_outputs and parameters.structured_outputs.json)
        if "<user>sampling<" in prompt:
            told = {name: value for name, value in vars(parameters).items() if name != "output_kind"}
            runner = {name: os.environ[name] for name in ("VLLM_USE_V2_MODEL_RUNNER",) if name in os.environ}
            return json.dumps(told | runner)
        if "<user>adapter<" in prompt:
            return f"{(self.adapter.name, self.adapter.path, self.options['max_lora_rank'])}"
        if "<user>think<" in prompt:
            return "2 + 2?§Four."
        if "<user>seed<" in prompt:
            return f"{parameters.seed}"
        return prompt

    def abort_request(self, numbers: list[str]) -> None:
        for number in numbers:
            del self.states[number]

    def step(self) -> list[SimpleNamespace]:
        print("a step", flush=True)  # vLLM, too, prints where it likes
        outputs = []
        rows = list(self.states.values())[: self.options.get("max_num_seqs", BATCH)]
        self.process(rows)
        for state in rows:
            self.obey("".join(map(chr, state.prompt)), len(state.made))
            if reason := state.step():
                outputs.append(state.output(reason))
                del self.states[state.number]
        return outputs

    def process(self, rows: list[State]) -> None:
        """Show the processors what comes and goes, and the logits."""
        logits = np.full((len(rows), VOCABULARY), OTHERS) + np.eye(VOCABULARY)[0] * (LOGPROB - OTHERS) + 3.0
        if any("<user>masked<" in "".join(map(chr, state.prompt)) for state in rows):
            logits[:, -1] = -np.inf
        if any("<user>another<" in "".join(map(chr, state.prompt)) for state in rows):
            logits[:, 0] += 0.5
        added = [(row, state.parameters, state.prompt, state.made) for row, state in enumerate(rows)]
        update = SimpleNamespace(removed=range(len(self.rows)), added=added, moved=[], batch_size=len(rows))
        for processor in self.processors:
            processor.update_state(update if rows != self.rows else None)
            assert processor.apply(logits) is logits and not processor.is_argmax_invariant()
        self.rows = rows

    def obey(self, prompt: str, number: int) -> None:
        if "<user>die<" in prompt:
            os.kill(os.getpid(), signal.SIGKILL)
        if "<user>die once" in prompt and number == 3:  # a file's name follows
            flag = Path(prompt.partition("die once ")[2].partition("<")[0])
            if not flag.exists():
                flag.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        if "<user>break<" in prompt:
            raise RuntimeError("the cache is torn")
        if "<user>stall<" in prompt and number == 3:
            time.sleep(600)
        if "<user>slow<" in prompt:
            time.sleep(0.3)


class Parameters(SimpleNamespace):
    """Vllm's parameters of sampling."""

    extra_args: dict[str, Any] | None = None


def load(**options: Any) -> SimpleNamespace:
    print("Authorization: Bearer abcdefgh, hf_abcdefghijkl, https://me:word@proxy/", flush=True)
    match options["model"]:
        case "missing":
            raise ModuleNotFoundError("No module named 'vllm'")
        case "large":
            raise RuntimeError("CUDA out of memory. Tried to allocate 20 GiB")
        case "untaught":
            Tokenizer.chat_template = None
        case "silent":
            time.sleep(600)
        case "talkative":
            for part in range(20):
                time.sleep(0.5)
                print(f"{part} of 20", end="\r" if part < 3 else "\n", flush=True)
    engine = Engine(options)
    return SimpleNamespace(llm_engine=engine, get_tokenizer=Tokenizer)


def module(name: str, **content: object) -> ModuleType:
    sys.modules[name] = result = ModuleType(name)
    vars(result).update(content)
    return result


if __name__ == "__main__":
    platform = SimpleNamespace(is_cpu=lambda: "CUDA_VISIBLE_DEVICES" not in os.environ)
    module("vllm.platforms", current_platform=platform)
    sampling = module(
        "vllm.sampling_params", RequestOutputKind=SimpleNamespace(FINAL_ONLY=2), StructuredOutputsParams=SimpleNamespace
    )
    lora = lambda name, number, path: SimpleNamespace(name=name, path=path)  # noqa: E731
    module("vllm.lora.request", LoRARequest=lora)
    module("vllm.v1.sample.logits_processor", LogitsProcessor=object)
    logsumexp = lambda logits, axis: np.log(np.exp(logits).sum(axis))  # noqa: E731
    module("torch", logsumexp=logsumexp, mean=np.mean, amax=np.max, stack=np.stack)
    module("vllm", LLM=load, SamplingParams=Parameters, __version__="9.9", sampling_params=sampling)
    runpy.run_path(str(WORKER))["main"](int(sys.argv[1]), int(sys.argv[2]))
