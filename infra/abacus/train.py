"""Teach Abacus: a Llama of 1.5 million parameters, on two CPU cores, from lessons that are made as it learns.

    uv sync --frozen --no-default-groups --group app           # in an environment of its own
    pip install --require-hashes --no-deps -r infra/supply/torch-cpu.txt && pip install --require-hashes --no-deps -r infra/abacus/requirements.txt
    python -m infra.abacus.train --out DIR --minutes 60
    python -m infra.abacus.train --resume DIR                  # goes on after a kill
    python -m infra.abacus.train --begin tasks/engines/abacus/weights --course corrections --out DIR --lr 1e-3 --minutes 20

DIR then holds checkpoint.pt (every few minutes), log.txt, and model/, which
transformers and vLLM load.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from infra.abacus.data import COURSES, JOBS, Batch, choose_writer, list_words, stream
from infra.abacus.model import Abacus, Shape, export
from infra.abacus.tokenizer import END, PADDING, SPECIALS, Encoder, build, save
from tasks.synthetic.lessons import PATTERN, Lesson

WARMUP = 100
FLOOR = 0.05
LOG_SECONDS = 20.0
SAVE_SECONDS = 180.0
SAMPLE = 300
HEAVY = 5.0
"""Tokens of at least this weight are verdicts, reported for themselves."""


@dataclass
class Progress:
    """What a checkpoint remembers besides the weights."""

    step: int = 0
    elapsed: float = 0.0
    tokens: int = 0


@dataclass
class Tally:
    """Weighted losses since the last line of the log: by job, and of verdicts alone."""

    loss: dict[str, float] = field(default_factory=dict)
    weight: dict[str, float] = field(default_factory=dict)
    tokens: int = 0
    waited: float = 0.0
    cost: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def add(self, name: str, loss: Tensor, weight: Tensor) -> None:
        """Count a (masked) loss and its weight."""
        self.loss[name] = self.loss.get(name, 0.0) + float(loss)
        self.weight[name] = self.weight.get(name, 0.0) + float(weight)

    def line(self, progress: Progress, rate: float) -> str:
        """The line of the log."""
        seconds = time.monotonic() - self.began
        losses = " ".join(f"{name} {self.loss[name] / max(self.weight[name], 1e-9):.4f}" for name in sorted(self.loss))
        return (
            f"minute {progress.elapsed / 60:.1f} step {progress.step} tokens/s {self.tokens / seconds:.0f} {losses} "
            f"lr {rate:.2e} lessons {self.cost / seconds:.1%} waited {self.waited / seconds:.1%}"
        )


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train Abacus.")
    parser.add_argument("--out", type=Path, help="folder to write (with --resume: the folder resumed)")
    parser.add_argument("--resume", type=Path, help="folder of an earlier run to go on with")
    parser.add_argument(
        "--begin", type=Path, help="folder of a run, or of a model, whose weights another course begins with"
    )
    parser.add_argument(
        "--course", choices=COURSES, default="first", help="corrections: with --begin tasks/engines/abacus/weights"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="all in all, over all resumptions")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-tokens", type=int, default=5_000)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--prompt-weight", type=float, default=0.1, help="of the prompts of lessons in solving")
    parser.add_argument("--compile", action="store_true", help="through torch.compile (needs a C++ compiler)")
    given = parser.parse_args()
    given.out = given.out or given.resume
    if given.out is None:
        parser.error("say where to write: --out DIR, or --resume DIR to go on")
    return given


def rate(peak: float, step: int, done: float) -> float:
    """The learning rate: a linear warm-up, and a cosine over the share of the time that is done."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    return peak * min(1.0, (step + 1) / WARMUP) * (FLOOR + (1 - FLOOR) * cosine)


def make_optimizer(model: Abacus, peak: float) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices alone."""
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.95), fused=True)


def learn(model: Abacus, body: Any, batch: Batch, tally: Tally) -> None:
    """Gradients of one batch's weighted mean loss; only positions that count reach the head."""
    tokens, weights = torch.from_numpy(batch.tokens), torch.from_numpy(batch.weights)
    counted = weights.flatten().nonzero().squeeze(1)
    hidden = body(tokens[:, :-1]).reshape(-1, model.shape.hidden)[counted]
    weight = weights.flatten()[counted]
    losses = functional.cross_entropy(model.head(hidden), tokens[:, 1:].flatten()[counted], reduction="none") * weight
    (losses.sum() / weight.sum()).backward()
    seen = losses.detach()
    job = torch.from_numpy(batch.jobs)[counted // weights.shape[1]]
    for place, name in enumerate(JOBS):
        tally.add(name, seen[job == place].sum(), weight[job == place].sum())
    tally.add("verdict", seen[weight >= HEAVY].sum(), weight[weight >= HEAVY].sum())
    tally.tokens += tokens.numel()
    tally.cost += batch.cost


def keep(folder: Path, model: Abacus, adam: torch.optim.AdamW, progress: Progress, words: tuple[str, ...]) -> None:
    """Write the checkpoint, whole or not at all, and the model as it is now."""
    state = {
        "model": model.state_dict(), "optimizer": adam.state_dict(), "progress": asdict(progress),
        "shape": asdict(model.shape), "words": list(words),
    }  # fmt: skip
    torch.save(state, folder / "checkpoint.part")
    (folder / "checkpoint.part").replace(folder / "checkpoint.pt")
    export(model, folder / "model", SPECIALS.index(END), SPECIALS.index(PADDING))


def restore(folder: Path, model: Abacus, adam: torch.optim.AdamW, words: tuple[str, ...]) -> Progress:
    """Load a checkpoint; ValueError where it was made with other words or another shape."""
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    if tuple(state["words"]) != words or state["shape"] != asdict(model.shape):
        raise ValueError(f"{folder}/checkpoint.pt is of another vocabulary or shape: start anew with --out")
    model.load_state_dict(state["model"])
    adam.load_state_dict(state["optimizer"])
    return Progress(**state["progress"])


def begin_weights(folder: Path, model: Abacus, adam: torch.optim.AdamW, words: tuple[str, ...]) -> None:
    """Begin with the weights of a run, or of a model's folder, whose words may be fewer: the vectors of others stay as they are."""
    if (folder / "checkpoint.pt").exists():
        restore(folder, model, adam, words)
        return
    weights = load_file(folder / "model.safetensors")
    name = "model.embed_tokens.weight"
    known = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    if tuple(known)[len(SPECIALS) :] != words[: len(known) - len(SPECIALS)]:
        raise ValueError(f"{folder} is of another vocabulary: start anew with --out")
    vectors = model.state_dict()[name].clone()
    vectors[: len(known)] = weights[name]
    model.load_state_dict(weights | {name: vectors})


def check_encoder(encoder: Encoder, tokenizer: Any, write: Callable[[Random], Lesson]) -> None:
    """Check on a sample of lessons that the fast encoder and the tokenizer cut alike."""
    random = Random(0)  # noqa: S311
    for _ in range(SAMPLE):
        lesson = write(random)
        answer = "".join(text for text, _ in lesson.answer)
        for asked in (*(message.content for message in lesson.history), lesson.prompt):
            assert tokenizer.encode(asked).ids == encoder.encode(asked), (
                f"the encoder and the tokenizer differ on {asked!r}"
            )
        ours = encoder.weighted(lesson.answer)[0]
        assert tokenizer.encode(answer).ids == ours, f"the encoder and the tokenizer differ on {answer!r}"
        assert tokenizer.decode(ours, skip_special_tokens=False) == answer, f"does not decode to itself: {answer!r}"


def say(folder: Path, line: str) -> None:
    """Print a line and add it to the log."""
    print(line, flush=True)
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        log.write(line + "\n")


def train(given: argparse.Namespace) -> None:
    """The whole run."""
    torch.set_num_threads(given.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(given.seed)
    words = list_words(given.course)
    encoder, tokenizer = Encoder(words, PATTERN), build(words, PATTERN)
    check_encoder(encoder, tokenizer, choose_writer(given.course))
    model = Abacus(Shape(len(encoder.numbers)))
    model.count({number: int(word) for word, number in encoder.numbers.items() if word.strip().isdigit()})
    adam = make_optimizer(model, given.lr)
    progress = restore(given.resume, model, adam, words) if given.resume else Progress()
    if given.begin and not given.resume:
        begin_weights(given.begin, model, adam, words)
    given.out.mkdir(parents=True, exist_ok=True)
    save(tokenizer, given.out / "model", model.shape.positions)
    settings = {name: str(value) for name, value in vars(given).items()}
    say(given.out, f"parameters {sum(p.numel() for p in model.parameters())} words {len(words)} {json.dumps(settings)}")
    train_steps(given, model, adam, progress, encoder, words)


def train_steps(
    given: argparse.Namespace, model: Abacus, adam: torch.optim.AdamW, progress: Progress, encoder: Encoder,
    words: tuple[str, ...],
) -> None:  # fmt: skip
    """Steps until the minutes are over."""
    queue = stream(encoder, f"{given.seed}:{progress.step}", given.batch_tokens, given.prompt_weight, given.course)
    body = torch.compile(model.model, dynamic=True) if given.compile else model.model
    parameters = list(model.parameters())
    start = saved = time.monotonic()
    before, tally = progress.elapsed, Tally()
    while progress.elapsed < given.minutes * 60:
        waiting = time.monotonic()
        batch = queue.get(timeout=120)
        tally.waited += time.monotonic() - waiting
        now = rate(given.lr, progress.step, progress.elapsed / (given.minutes * 60))
        for group in adam.param_groups:
            group["lr"] = now
        learn(model, body, batch, tally)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()
        adam.zero_grad(set_to_none=True)
        progress.step += 1
        progress.tokens += batch.tokens.size
        progress.elapsed = before + time.monotonic() - start
        if time.monotonic() - tally.began > LOG_SECONDS:
            say(given.out, tally.line(progress, now))
            tally = Tally()
        if time.monotonic() - saved > SAVE_SECONDS:
            keep(given.out, model, adam, progress, words)
            saved = time.monotonic()
    keep(given.out, model, adam, progress, words)
    say(given.out, f"done: {progress.step} steps, {progress.tokens} tokens, {progress.elapsed / 60:.1f} minutes")


if __name__ == "__main__":
    try:
        train(parse_arguments())
    except (OSError, ValueError) as error:
        sys.exit(f"train: {error}")
